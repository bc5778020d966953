using System.Net;
using System.Net.Sockets;

namespace Iii.TestServers;

/// <summary>Stands between clients and a local server, and breaks the network between them when it is told to.</summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly int _targetPort;
    private readonly Lock _lock = new();
    private readonly HashSet<Link> _links = [];
    private TcpListener? _listener;
    private volatile TaskCompletionSource _flow = Flowing();
    private volatile TaskCompletionSource _replies = Flowing();
    private Task _accepting = Task.CompletedTask;

    private TcpProxy(int targetPort) => _targetPort = targetPort;

    /// <summary>Where clients connect.</summary>
    public int Port { get; } = FreePorts.Take();

    /// <summary>Starts to forward to a port of this machine.</summary>
    public static TcpProxy Start(int targetPort)
    {
        var proxy = new TcpProxy(targetPort);
        proxy.Listen();
        return proxy;
    }

    /// <summary>Drops all connections and refuses new ones, until <see cref="Restore"/>.</summary>
    public void Cut()
    {
        Link[] dropped;
        lock (_lock)
        {
            _listener?.Dispose();
            _listener = null;
            dropped = [.. _links];
            _links.Clear();
        }

        foreach (var link in dropped)
        {
            link.Dispose();
        }
    }

    /// <summary>Stops forwarding and closes nothing, as a partition does, until <see cref="Restore"/>; new connections hang as well.</summary>
    public void Freeze()
    {
        lock (_lock)
        {
            if (_flow.Task.IsCompleted)
            {
                _flow = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>Holds back what the server says, until <see cref="Restore"/>. What clients say reaches it.</summary>
    public void FreezeReplies()
    {
        lock (_lock)
        {
            if (_replies.Task.IsCompleted)
            {
                _replies = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>Forwards again, what was held back first, and takes new connections.</summary>
    public void Restore()
    {
        TaskCompletionSource flow, replies;
        lock (_lock)
        {
            (flow, replies) = (_flow, _replies);
            Listen();
        }

        flow.TrySetResult();
        replies.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        Cut();
        _flow.TrySetResult();
        _replies.TrySetResult();
        await _accepting;
    }

    private static TaskCompletionSource Flowing()
    {
        var flow = new TaskCompletionSource();
        flow.SetResult();
        return flow;
    }

    private void Listen()
    {
        lock (_lock)
        {
            if (_listener is null)
            {
                _listener = new TcpListener(IPAddress.Loopback, Port);
                _listener.Start();
                _accepting = Task.WhenAll(_accepting, AcceptAsync(_listener));
            }
        }
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        var links = new List<Task>();
        while (true)
        {
            Socket client;
            try
            {
                client = await listener.AcceptSocketAsync();
                client.NoDelay = true;
            }
            catch (Exception exception) when (exception is SocketException or InvalidOperationException)
            {
                // It was cut, perhaps between two of them.
                break;
            }

            links.RemoveAll(static link => link.IsCompleted);
            links.Add(ForwardAsync(new Link(client), listener));
        }

        await Task.WhenAll(links);
    }

    private async Task ForwardAsync(Link link, TcpListener listener)
    {
        lock (_lock)
        {
            if (_listener != listener)
            {
                link.Dispose();
                return;
            }

            _links.Add(link);
        }

        try
        {
            await _flow.Task;
            await link.Server.ConnectAsync(IPAddress.Loopback, _targetPort);
            await Task.WhenAny(PumpAsync(link.Client, link.Server, isReply: false), PumpAsync(link.Server, link.Client, isReply: true));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The server is not there, or the link was cut: the client sees its connection end.
        }

        lock (_lock)
        {
            _links.Remove(link);
        }

        link.Dispose();
    }

    private async Task PumpAsync(Socket from, Socket to, bool isReply)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is var length and > 0)
            {
                await _flow.Task;
                await (isReply ? _replies.Task : Task.CompletedTask);
                for (var sent = 0; sent < length;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, length - sent));
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // One of the two is gone, and so is the link.
        }
    }

    private sealed class Link(Socket client) : IDisposable
    {
        public Socket Client => client;

        public Socket Server { get; } = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        public void Dispose()
        {
            client.Dispose();
            Server.Dispose();
        }
    }
}
