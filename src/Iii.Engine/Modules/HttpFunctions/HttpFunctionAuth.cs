using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>Reads a variable of the engine's environment; null when it is not set.</summary>
internal delegate string? EnvironmentReader(string name);

/// <summary>
/// A way to say who calls. The secret is in a variable of the engine's environment and is read at each call, so it can be
/// set and changed while workers are connected.
/// </summary>
/// <param name="Variable">The name of the variable.</param>
internal abstract record HttpFunctionAuth(string Variable)
{
    /// <summary>Code and beginning of the message when the variable is not set.</summary>
    protected abstract (string Code, string What) Missing { get; }

    /// <summary>Adds what proves the caller.</summary>
    /// <returns>Why that is not possible; null on success.</returns>
    public HttpFunctionProblem? ApplyTo(HttpRequestHeaders headers, byte[] body, long unixSeconds, EnvironmentReader environment)
    {
        // An empty secret proves nothing, so it counts as none.
        if (environment(Variable) is not { Length: > 0 } secret)
        {
            return new HttpFunctionProblem(Missing.Code, $"{Missing.What} not found: {Variable}");
        }

        var (name, value) = Header(secret, body, unixSeconds);
        if (!HeaderRules.IsValue(value))
        {
            return new HttpFunctionProblem(
                HttpFunctionErrorCodes.RequestFailed, $"{Variable} holds a line break or another control character, so it fits into no header");
        }

        headers.Remove(name);
        headers.TryAddWithoutValidation(name, value);
        return null;
    }

    /// <summary>The header that is sent.</summary>
    protected abstract (string Name, string Value) Header(string secret, byte[] body, long unixSeconds);

    /// <summary>A signature of time and body.</summary>
    internal sealed record Hmac(string Variable) : HttpFunctionAuth(Variable)
    {
        protected override (string Code, string What) Missing => (HttpFunctionErrorCodes.SecretNotFound, "Secret");

        /// <summary>HMAC-SHA256 over <c>{seconds}:{body in base64}</c>, as <c>sha256={hex}</c>.</summary>
        public static string Sign(string secret, ReadOnlySpan<byte> body, long unixSeconds)
        {
            using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
            hmac.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{unixSeconds}:")));
            var text = ArrayPool<byte>.Shared.Rent(Base64.GetMaxEncodedToUtf8Length(body.Length));
            Base64.EncodeToUtf8(body, text, out _, out var length);
            hmac.AppendData(text, 0, length);
            ArrayPool<byte>.Shared.Return(text);
            return "sha256=" + Convert.ToHexStringLower(hmac.GetHashAndReset());
        }

        protected override (string Name, string Value) Header(string secret, byte[] body, long unixSeconds) =>
            (HeaderRules.Signature, Sign(secret, body, unixSeconds));
    }

    /// <summary>A token in <c>Authorization</c>.</summary>
    internal sealed record Bearer(string Variable) : HttpFunctionAuth(Variable)
    {
        protected override (string Code, string What) Missing => (HttpFunctionErrorCodes.TokenNotFound, "Token");

        protected override (string Name, string Value) Header(string secret, byte[] body, long unixSeconds) =>
            ("Authorization", "Bearer " + secret);
    }

    /// <summary>A key in a header of the worker's choice.</summary>
    internal sealed record ApiKey(string HeaderName, string Variable) : HttpFunctionAuth(Variable)
    {
        protected override (string Code, string What) Missing => (HttpFunctionErrorCodes.ApiKeyNotFound, "API key");

        protected override (string Name, string Value) Header(string secret, byte[] body, long unixSeconds) => (HeaderName, secret);
    }
}
