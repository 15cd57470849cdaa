// Finds and loads the function that `folder/module.function` names: CommonJS or an ES module.
'use strict';

const fs = require('fs');
const path = require('path');
const Module = require('module');

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

async function load(root, handler) {
  layPaths();
  const noGlobal = process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA;
  if (noGlobal !== '1' && noGlobal !== 'true') addGlobal();

  const errors = () => require('./errors.cjs');
  if (handler.includes('..')) {
    throw new (errors().MalformedHandlerName)(
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(handler);
  const dot = base.indexOf('.');
  if (dot < 0) throw new (errors().MalformedHandlerName)('Bad handler');
  const folder = path.resolve(root, handler.slice(0, handler.length - base.length));
  let loaded;
  try {
    loaded = await loadModule(root, folder, base.slice(0, dot));
  } catch (error) {
    if (error instanceof SyntaxError) throw new (errors().UserCodeSyntaxError)(error);
    if (error?.code === 'MODULE_NOT_FOUND') throw new (errors().ImportModuleError)(error);
    throw error;
  }
  const find = (from) => base.slice(dot + 1).split('.').reduce((found, key) => found?.[key], from);
  const found = find(loaded) ?? find(loaded?.default);
  if (!found) throw new (errors().HandlerNotFound)(`${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw new (errors().HandlerNotFound)(`${handler} is not a function`);
  return found;
}

async function loadModule(root, folder, name) {
  const file = path.join(folder, name);
  if (isFile(file)) return loadCommon(file);
  const script = `${file}.js`;
  const hasScript = isFile(script);
  if (hasScript && !isModuleFolder(folder)) return loadCommon(script);
  if (hasScript) return importModule(script);
  if (isFile(`${file}.mjs`)) return importModule(`${file}.mjs`);
  if (isFile(`${file}.cjs`)) return loadCommon(`${file}.cjs`);
  return require(require.resolve(name, { paths: [root, folder] }));
}

async function loadCommon(file) {
  // `import()` within CommonJS does not search NODE_PATH either.
  if (process.env.NODE_PATH && /\bimport\s*\(/.test(fs.readFileSync(file, 'utf8'))) hookImports();
  try {
    return require(file);
  } catch (error) {
    if (error?.code !== 'ERR_REQUIRE_ESM' && error?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return importModule(file);
  }
}

// Lambda finds the SDK for ES modules too, but Node's `import` does not search NODE_PATH: a hook does. Before Node
// 22.15 hooks need a thread of their own, which costs a start; a failed import cannot be tried again. So a module
// that imports nothing but what Node itself brings starts without.
function importModule(file) {
  if (process.env.NODE_PATH && searchFolders().length > 0) {
    const cheap = typeof Module.registerHooks === 'function';
    if (cheap || importsPackages(fs.readFileSync(file, 'utf8'))) hookImports();
  }
  return import(require('url').pathToFileURL(file).href);
}

function importsPackages(source) {
  for (const [, called, specifier] of source.matchAll(/\b(?:import|from)\s*(\(?)\s*(?:['"]([^'"]+)['"])?/g)) {
    if (specifier === undefined ? called : !Module.isBuiltin(specifier)) return true;
  }
  return false;
}

let hooked = false;

function hookImports() {
  if (hooked || searchFolders().length === 0) return;
  if (typeof Module.registerHooks === 'function') {
    Module.registerHooks({
      resolve(specifier, context, next) {
        try {
          return next(specifier, context);
        } catch (error) {
          const bare = !/^(\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(specifier);
          if (!bare || error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
          for (const parentURL of searchFolders()) {
            try {
              return next(specifier, { ...context, parentURL });
            } catch {
              // The next folder may have it.
            }
          }
          throw error;
        }
      },
    });
  } else if (typeof Module.register === 'function') {
    Module.register('./resolve.mjs', require('url').pathToFileURL(__filename), { data: { folders: searchFolders() } });
  }
  hooked = true;
}

// Where a module would have to lie for Node to look into the folders of NODE_PATH.
function searchFolders() {
  const { pathToFileURL } = require('url');
  return process.env.NODE_PATH.split(path.delimiter)
    .filter((folder) => path.basename(folder) === 'node_modules' && fs.existsSync(folder))
    .map((folder) => pathToFileURL(path.join(path.dirname(folder), 'noop.mjs')).href);
}

// NODE_PATH with the layers' folders and the SDK's behind what the function set itself.
function layPaths() {
  const { SONAGI_LAYERS: layers, SONAGI_SDK: sdk, NODE_PATH: own } = process.env;
  delete process.env.SONAGI_LAYERS;
  delete process.env.SONAGI_SDK;
  const folders = own ? [own] : [];
  if (layers) {
    const major = process.versions.node.split('.')[0];
    folders.push(`${layers}/nodejs/node${major}/node_modules`, `${layers}/nodejs/node_modules`);
  }
  if (sdk) folders.push(sdk);
  if (layers || sdk) {
    process.env.NODE_PATH = folders.join(path.delimiter);
    Module._initPaths();
  }
}

function addGlobal() {
  globalThis.awslambda = {
    streamifyResponse(handler, options) {
      handler[STREAMING] = 'response';
      if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
      return handler;
    },
    get HttpResponseStream() {
      return require('./streaming.cjs').HttpResponseStream;
    },
  };
}

function isStreaming(handler) {
  const mode = handler[STREAMING];
  if (mode === undefined || mode === null || mode === false) return false;
  if (mode === 'response') return true;
  throw new (require('./errors.cjs').MalformedStreamingHandler)('Only response streaming is supported.');
}

// Whether the nearest package.json says that `.js` files here are ES modules.
function isModuleFolder(folder) {
  for (;;) {
    if (path.basename(folder) === 'node_modules') return false;
    let text = null;
    try {
      text = fs.readFileSync(path.join(folder, 'package.json'), 'utf8');
    } catch {
      // None here: the folder above decides.
    }
    if (text !== null) {
      try {
        return JSON.parse(text)?.type === 'module';
      } catch (error) {
        console.warn(`${folder}/package.json cannot be read, it will be ignored for ES module detection purposes.`, error);
        return false;
      }
    }
    const parent = path.dirname(folder);
    if (parent === folder) return false;
    folder = parent;
  }
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

module.exports = { load, isStreaming, HIGH_WATER_MARK };
