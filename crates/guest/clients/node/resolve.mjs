// Lets `import` find packages in the folders of NODE_PATH, where hooks run in a thread of their own.

let folders = [];

export function initialize(data) {
  folders = data.folders;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    const bare = !/^(\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(specifier);
    if (!bare || error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    for (const parentURL of folders) {
      try {
        return await next(specifier, { ...context, parentURL });
      } catch {
        // The next folder may have it.
      }
    }
    throw error;
  }
}
