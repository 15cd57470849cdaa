"""The `context` argument ("Using the Lambda context object to retrieve Python function information")."""

import time


class _Shown:
    """Prints its members, as Lambda's own do."""

    _members = ()

    def __repr__(self):
        members = ",".join("{}={}".format(name, getattr(self, name)) for name in self._members)
        return "{}([{}])".format(self.__class__.__name__, members)


class LambdaContext(_Shown):
    _members = (
        "aws_request_id",
        "log_group_name",
        "log_stream_name",
        "function_name",
        "memory_limit_in_mb",
        "function_version",
        "invoked_function_arn",
        "client_context",
        "identity",
        "tenant_id",
    )

    @classmethod
    def read(cls, environ):
        """Takes over what the variables say about the function."""
        cls.log_group_name = environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        cls.log_stream_name = environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        cls.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
        cls.memory_limit_in_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        cls.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION")

    def __init__(self, headers, tenant_id):
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = tenant_id
        self._deadline = int(headers.get("lambda-runtime-deadline-ms") or 0)
        self.identity = CognitoIdentity(
            _parse(headers.get("lambda-runtime-cognito-identity"), "Cognito Identity") or {}
        )
        client_context = _parse(headers.get("lambda-runtime-client-context"), "Client Context")
        self.client_context = None if client_context is None else ClientContext(client_context)

    def get_remaining_time_in_millis(self):
        return max(self._deadline - int(time.time() * 1000), 0)

    def log(self, message):
        from . import sink

        sink.write(str(message))


class CognitoIdentity(_Shown):
    _members = ("cognito_identity_id", "cognito_identity_pool_id")
    __slots__ = _members

    def __init__(self, found):
        self.cognito_identity_id = found.get("cognitoIdentityId")
        self.cognito_identity_pool_id = found.get("cognitoIdentityPoolId")


class ClientContext(_Shown):
    _members = ("custom", "env", "client")
    __slots__ = _members

    def __init__(self, found):
        self.custom = found.get("custom")
        self.env = found.get("env")
        client = found.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


class Client(_Shown):
    _members = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
    __slots__ = _members

    def __init__(self, found):
        for name in self._members:
            setattr(self, name, found.get(name))


def _parse(text, name):
    if not text:
        return None
    from . import Fault, codec

    try:
        found = codec.decode(text.encode("utf-8"))
        if found is not None and not isinstance(found, dict):
            raise ValueError("not an object")
        return found
    except Exception as error:
        raise Fault(
            "Runtime.LambdaContextUnmarshalError", "Unable to parse {} JSON: {}".format(name, error)
        ) from error
