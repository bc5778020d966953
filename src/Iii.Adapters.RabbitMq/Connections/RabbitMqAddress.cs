using System.Globalization;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Connections;

/// <summary>A parsed <see cref="RabbitMqBrokerOptions.Url"/>. Its text form never has the password.</summary>
internal sealed record RabbitMqAddress
{
    private const string Example = "amqp://user:password@host:5672/vhost";
    private readonly List<AmqpTcpEndpoint> _endpoints = [];

    private RabbitMqAddress(string scheme) => IsSecure = scheme == "amqps";

    public bool IsSecure { get; }

    public string User { get; private init; } = ConnectionFactory.DefaultUser;

    public string Password { get; private init; } = ConnectionFactory.DefaultPass;

    public string VirtualHost { get; private init; } = ConnectionFactory.DefaultVHost;

    public IReadOnlyList<AmqpTcpEndpoint> Endpoints => _endpoints;

    /// <exception cref="ArgumentException">It cannot be read; the message says why, without the password.</exception>
    public static RabbitMqAddress Parse(string url)
    {
        var schemeEnd = url.IndexOf("://", StringComparison.Ordinal);
        var scheme = schemeEnd < 0 ? "" : url[..schemeEnd].ToLowerInvariant();
        if (scheme is not ("amqp" or "amqps"))
        {
            throw Unreadable("it does not begin with amqp:// or amqps://");
        }

        var rest = url[(schemeEnd + 3)..];
        var userEnd = rest.LastIndexOf('@');
        var (login, place) = userEnd < 0 ? ("", rest) : (rest[..userEnd], rest[(userEnd + 1)..]);
        var pathStart = place.IndexOf('/', StringComparison.Ordinal);
        var (hosts, path) = pathStart < 0 ? (place, "") : (place[..pathStart], place[(pathStart + 1)..]);
        if (path.AsSpan().ContainsAny('/', '?'))
        {
            throw Unreadable("the virtual host has a '/' or '?'; write %2F or %3F, and set what would follow a '?' in the configuration");
        }

        var (user, password) = login.Split(':', 2) is [var left, var right] ? (left, right) : (login, "");
        var address = new RabbitMqAddress(scheme)
        {
            User = userEnd < 0 ? ConnectionFactory.DefaultUser : Uri.UnescapeDataString(user),
            Password = userEnd < 0 ? ConnectionFactory.DefaultPass : Uri.UnescapeDataString(password),
            VirtualHost = path.Length == 0 ? ConnectionFactory.DefaultVHost : Uri.UnescapeDataString(path),
        };
        foreach (var host in hosts.Split(','))
        {
            address._endpoints.Add(address.ParseHost(host));
        }

        return address;
    }

    public override string ToString() =>
        $"{(IsSecure ? "amqps" : "amqp")}://{Uri.EscapeDataString(User)}:***@"
        + $"{string.Join(',', _endpoints.Select(endpoint => $"{endpoint.HostName}:{endpoint.Port}"))}/{Uri.EscapeDataString(VirtualHost)}";

    private AmqpTcpEndpoint ParseHost(string text)
    {
        var portStart = text.LastIndexOf(':');
        var hasPort = portStart > text.LastIndexOf(']');
        var host = (hasPort ? text[..portStart] : text).Trim('[', ']');
        var port = IsSecure ? AmqpTcpEndpoint.DefaultAmqpSslPort : Protocols.DefaultProtocol.DefaultPort;
        if (host.Length == 0 || (hasPort && !int.TryParse(text[(portStart + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port)))
        {
            throw Unreadable($"'{text}' is no host:port");
        }

        return new AmqpTcpEndpoint(host, port, new SslOption(host, enabled: IsSecure));
    }

    private static ArgumentException Unreadable(string why) =>
        new($"The URL of RabbitMQ cannot be read: {why}. Write it as {Example}; special characters are percent-encoded.");
}
