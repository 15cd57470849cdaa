"""Runs a Python handler behind the Lambda Runtime API (2018-06-01).

Start reading at `main`. What is always true here:
- nothing is imported that a plain invocation does not need: an import costs a start more than anything else.
  `json`, `re`, `socket`, `logging` and `traceback` stay out until the function or a failure asks for them;
- the function may replace `sys.stdout`, close file descriptors or fork, and its answers still arrive, once;
- an exception that is no `Exception` (`SystemExit` above all) ends the process, as on Lambda.
"""

import os
import sys

from . import codec, connection
from .context import LambdaContext

# The invocation that runs, for the log handler: the request id (empty before the first) and the tenant.
request_id = ""
tenant_id = None


class Fault(Exception):
    """A failure that the runtime found itself, with Lambda's name for it."""

    def __init__(self, kind, message, trace=None):
        self.kind = kind
        self.message = message
        self.trace = trace or []


def main():
    environ = os.environ
    api = connection.Connection(environ["AWS_LAMBDA_RUNTIME_API"])
    if "SONAGI_WAITS" in environ:
        _await_assignment(api, environ)
    LambdaContext.read(environ)
    _add_quitters()
    _hook_logging()
    _lay_paths(environ)
    try:
        encode = codec.encoder(_ensure_ascii(environ.get("AWS_EXECUTION_ENV", "")))
        handler = _load(environ.get("_HANDLER", ""))
    except Exception as error:
        _refuse(api, error)
    if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from . import snapshot

        snapshot.restore(api, environ)
    _serve(api, handler, encode)


def _await_assignment(api, environ):
    """Waits, initialised as far as it can be, for the platform to say whose function this is."""
    import time

    body = api.get("assignment")
    environ.clear()
    for line in bytes(body).split(b"\0"):
        name, equals, value = line.partition(b"=")
        if equals:
            environ[os.fsdecode(name)] = os.fsdecode(value)
    time.tzset()
    os.chdir(environ["LAMBDA_TASK_ROOT"])


def compile_files():
    """Writes the byte code of every file here, so that later starts only load it."""
    import py_compile

    folder = __path__[0]
    for name in os.listdir(folder):
        if name.endswith(".py"):
            py_compile.compile(os.path.join(folder, name), doraise=True)


def _serve(api, handler, encode):
    global request_id, tenant_id
    home = os.getpid()
    environ = os.environ
    answer = None
    while True:
        headers, body = api.next(answer)
        request_id = headers.get("lambda-runtime-aws-request-id", "")
        tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        trace = headers.get("lambda-runtime-trace-id")
        if trace is not None:
            environ["_X_AMZN_TRACE_ID"] = trace
        elif "_X_AMZN_TRACE_ID" in environ:
            del environ["_X_AMZN_TRACE_ID"]

        try:
            content_type = "application/json"
            context = LambdaContext(headers, tenant_id)
            result = handler(_event(headers, body), context)
            if isinstance(result, bytes):
                content_type = "application/unknown"
            else:
                try:
                    result = encode(result)
                except Exception as error:
                    raise Fault(
                        "Runtime.MarshalError", "Unable to marshal response: {}".format(error)
                    ) from error
            path = "invocation/{}/response".format(request_id)
        except Exception as error:
            from . import failures

            failure = failures.describe(error, request_id)
            failures.log(failure)
            content_type = failures.header(failure)
            result = failures.encode(failure)
            path = "invocation/{}/error".format(request_id)
        _flush()
        if os.getpid() != home:
            os._exit(0)  # A child that the handler forked and let return: the answer is its parent's to give.
        answer = (path, content_type, result)
        # Nothing of this invocation is kept alive while the next one is awaited.
        body = context = result = error = failure = None


def _event(headers, body):
    if headers.get("content-type", "application/json") != "application/json":
        return bytes(body)
    try:
        return codec.decode(body)
    except Exception as error:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: {}".format(error)) from error


def _load(handler):
    """The function that `package/module.function` names."""
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            "Bad handler '{}': not enough values to unpack (expected 2, got 1)".format(handler),
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module {} as a handler module".format(module_name),
        )
    path = module_name.replace("/", ".")
    try:
        if not path or path.startswith("."):
            raise ImportError("the 'package' argument is required to perform a relative import for '%s'" % path)
        __import__(path)
        module = sys.modules[path]
    except ImportError as error:
        raise Fault(
            "Runtime.ImportModuleError", "Unable to import module '{}': {}".format(module_name, error)
        ) from error
    except SyntaxError as error:
        raise Fault(
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module '{}': {}".format(module_name, error),
            ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)],
        ) from error
    try:
        return getattr(module, function_name)
    except AttributeError as error:
        raise Fault(
            "Runtime.HandlerNotFound",
            "Handler '{}' missing on module '{}'".format(function_name, module_name),
        ) from error


def _refuse(api, error):
    """Tells the platform that the function cannot be initialised, and ends."""
    from . import failures

    failure = failures.describe(error, "")
    failures.log(failure)
    _flush()
    api.post("init/error", failures.header(failure), failures.encode(failure))
    sys.exit(1)


def _flush():
    # The function may have replaced the streams with anything at all.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def _lay_paths(environ):
    """Lambda's search order: the function, its layers, the standard library, the SDK."""
    layers = environ.pop("SONAGI_LAYERS", None)
    sdk = environ.pop("SONAGI_SDK", None)
    first = [environ.get("LAMBDA_TASK_ROOT", "/var/task")]
    if layers:
        python = layers + "/python"
        version = "/lib/python%d.%d/site-packages" % sys.version_info[:2]
        first += [path for path in (python + version, python) if os.path.isdir(path)]
    sys.path[:0] = first
    if sdk:
        sys.path.append(sdk)


def _add_quitters():
    """`exit()` and `quit()`, which the `site` module would have added."""
    import _sitebuiltins
    import builtins

    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")


def _ensure_ascii(execution_env):
    """Lambda's runtimes up to Python 3.11 write answers in ASCII; later ones do not."""
    family, _, minor = execution_env.rpartition(".")
    if family == "AWS_Lambda_python3" and minor.isdigit():
        return int(minor) < 12
    return sys.version_info < (3, 12)


class _LoggingHook:
    """Sets up the root logger as soon as, and only if, the function imports `logging`."""

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self.loader = spec.loader
                spec.loader = self
                return spec
        return None

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self.loader.exec_module(module)
        from . import logs

        logs.set_up()


def _hook_logging():
    if "logging" in sys.modules:
        from . import logs

        logs.set_up()
    else:
        sys.meta_path.insert(0, _LoggingHook())
