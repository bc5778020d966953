using System.Globalization;
using StackExchange.Redis;

namespace Iii.Adapters.Redis;

/// <summary>Turns what the user wrote into the client's configuration. No message of it repeats what may hold a password.</summary>
internal static class RedisUrl
{
    private const string Expected =
        "Write redis://[[user]:password@]host[:port][/database], rediss://… for TLS, or host:port,password=… as StackExchange.Redis has it; "
        + "percent-encode special characters of a password in a URL.";

    private const int DefaultPort = 6379;

    /// <exception cref="ArgumentException">It is neither form.</exception>
    public static ConfigurationOptions Parse(string url)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(url);
        return url.Contains("://", StringComparison.Ordinal) ? ParseUrl(url) : ParseConfiguration(url);
    }

    private static ConfigurationOptions ParseUrl(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
        {
            throw new ArgumentException($"The URL of Redis cannot be read. {Expected}", nameof(url));
        }

        if (uri.Scheme is not ("redis" or "rediss"))
        {
            throw new ArgumentException($"The URL of Redis has the scheme '{uri.Scheme}'. {Expected}", nameof(url));
        }

        if (uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            throw new ArgumentException($"The URL of Redis has a query or a fragment. {Expected}", nameof(url));
        }

        var options = new ConfigurationOptions { Ssl = uri.Scheme == "rediss", DefaultDatabase = ParseDatabase(uri.AbsolutePath) };
        options.EndPoints.Add(uri.Host.Trim('[', ']'), uri.IsDefaultPort || uri.Port < 0 ? DefaultPort : uri.Port);
        if (uri.UserInfo.Length > 0)
        {
            var (user, password) = uri.UserInfo.Split(':', 2) is [var first, var second] ? (first, second) : ("", uri.UserInfo);
            options.User = user.Length == 0 ? null : Uri.UnescapeDataString(user);
            options.Password = Uri.UnescapeDataString(password);
        }

        return options;
    }

    private static int? ParseDatabase(string path)
    {
        var text = path.Trim('/');
        if (text.Length == 0)
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var database)
            ? database
            : throw new ArgumentException($"The URL of Redis names the database '{text}', which is no number. {Expected}", nameof(path));
    }

    private static ConfigurationOptions ParseConfiguration(string configuration)
    {
        ConfigurationOptions options;
        try
        {
            options = ConfigurationOptions.Parse(configuration);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            // Its message may repeat a part that is a password.
            throw new ArgumentException($"The configuration of Redis cannot be read. {Expected}", nameof(configuration));
        }

        return options.EndPoints.Count > 0
            ? options
            : throw new ArgumentException($"The configuration of Redis names no host. {Expected}", nameof(configuration));
    }
}
