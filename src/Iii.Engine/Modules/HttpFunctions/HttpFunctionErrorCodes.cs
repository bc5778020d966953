namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>The codes with which a call over HTTP fails, beside those that the called server gives itself.</summary>
internal static class HttpFunctionErrorCodes
{
    /// <summary>The URL must not be called; the message is one of the texts in <see cref="UrlPolicy"/>.</summary>
    public const string UrlValidationFailed = "url_validation_failed";

    /// <summary>The variable with the key of the signature is not set.</summary>
    public const string SecretNotFound = "secret_not_found";

    /// <summary>The variable with the bearer token is not set.</summary>
    public const string TokenNotFound = "token_not_found";

    /// <summary>The variable with the API key is not set.</summary>
    public const string ApiKeyNotFound = "api_key_not_found";

    /// <summary>The server answered with a status that is not success, and gave no code of its own.</summary>
    public const string HttpError = "http_error";

    /// <summary>No answer came: no connection, no TLS, not in time.</summary>
    public const string RequestFailed = "http_request_failed";

    /// <summary>The answer began, and could not be read to its end.</summary>
    public const string ResponseFailed = "http_response_failed";

    /// <summary>The server answered with success and something that is not JSON.</summary>
    public const string InvalidResponse = "invalid_response";

    /// <summary>The worker registered the function with an <c>invocation</c> that makes no sense.</summary>
    public const string InvalidInvocation = "invalid_invocation";

    /// <summary>The module is not in the configuration.</summary>
    public const string NotEnabled = "http_functions_not_enabled";
}
