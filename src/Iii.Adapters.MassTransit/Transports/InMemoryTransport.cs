using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Iii.Adapters.MassTransit.Jobs;
using Iii.Broker;
using MassTransit;

namespace Iii.Adapters.MassTransit.Transports;

/// <summary>MassTransit's in-memory transport: one process, and nothing survives it.</summary>
/// <remarks>
/// The transport drops what has no queue and forgets what it has delivered. So what waits, for a first group or for a consumer, waits
/// here, and MassTransit carries it. What other programs publish before there is a group is dropped. A group that was removed leaves an
/// endpoint behind that discards its copies, until the bus ends.
/// </remarks>
#pragma warning disable CA1001 // The semaphore never makes a wait handle, so there is nothing to dispose.
internal sealed class InMemoryTransport : IJobTransport
#pragma warning restore CA1001
{
    /// <summary>The buses that have a broker: what waits, waits in that one.</summary>
    private static readonly ConcurrentDictionary<string, byte> Taken = new(StringComparer.Ordinal);

    private readonly IBusControl _bus;
    private readonly string _name;
    private readonly bool _ownsBus;
    private readonly MassTransitBrokerOptions _options;
    private readonly MassTransitNames _names;
    private readonly JobSender _sender;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Dictionary<string, Line> _lines = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Arrival> _arrivals = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _cutOff = new();
    private int _generation;

    private InMemoryTransport(IBusControl bus, string name, bool ownsBus, MassTransitBrokerOptions options)
    {
        (_bus, _name, _ownsBus, _options, _names) = (bus, name, ownsBus, options, new MassTransitNames(options.Cluster));
        _sender = new JobSender(bus, options.OperationTimeout);
    }

    public BrokerFeatures Features => BrokerFeatures.Groups;

    public Durability Durability => Durability.Volatile;

    /// <summary>Takes a bus over, for as long as this lives.</summary>
    /// <exception cref="BrokerException"><see cref="BrokerErrorCodes.Conflict"/>: it has a broker already.</exception>
    public static InMemoryTransport Over(IBusControl bus, MassTransitBrokerOptions options) =>
        new(bus, Take(bus.Address.AbsoluteUri), ownsBus: false, options);

    /// <summary>Makes and starts a bus.</summary>
    /// <inheritdoc cref="Over"/>
    public static async Task<InMemoryTransport> StartAsync(MassTransitBrokerOptions options, Uri url, CancellationToken cancellationToken)
    {
        var transport = new InMemoryTransport(Bus.Factory.CreateUsingInMemory(url, static _ => { }), Take(url.AbsoluteUri), ownsBus: true, options);
        await transport._bus.StartAsync(cancellationToken).ConfigureAwait(false);
        return transport;
    }

    public async Task EnqueueAsync(string queue, Job job, CancellationToken cancellationToken)
    {
        using var _ = await EnterAsync(cancellationToken).ConfigureAwait(false);
        var line = LineOf(queue);
        var most = _options.Limits.MaxQueueLength;
        if (line.Held.Count >= most || line.Groups.Values.Any(group => group.Jobs.Reader.Count >= most))
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"A group of the queue '{queue}' is full: {most} messages wait in it.");
        }

        if (line.Groups.Count == 0)
        {
            line.Held.Add(job);
        }
        else
        {
            if (_bus.CheckHealth().Status == BusHealthStatus.Unhealthy)
            {
                throw Stopped();
            }

            // It waits in a group only when it is there, and then counts.
            var arrival = new Arrival(line.Groups.Count);
            _arrivals[job.MessageId] = arrival;
            try
            {
                await _sender.SendAsync($"exchange:{Fold(_names.Entry(queue))}", job, static _ => { }, cancellationToken).ConfigureAwait(false);
                await arrival.Everywhere.WaitAsync(_options.OperationTimeout, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                throw Stopped();
            }
            finally
            {
                _arrivals.TryRemove(job.MessageId, out var _);
            }
        }
    }

    public async Task<IAsyncDisposable> ConsumeAsync(GroupConsumer consumer, CancellationToken cancellationToken)
    {
        using var _ = await EnterAsync(cancellationToken).ConfigureAwait(false);
        var (queue, name) = (consumer.Subscription.Queue, consumer.Subscription.Group);
        var line = LineOf(queue);
        if (!line.Groups.TryGetValue(name, out var group))
        {
            group = new Group($"{Fold(_names.Jobs(queue, name))}.{++_generation}");
            await ConnectAsync(group, Fold(_names.Entry(queue)), consumer, cancellationToken).ConfigureAwait(false);
            line.Groups.Add(name, group);
            line.Held.ForEach(job => group.Jobs.Writer.TryWrite(job));
            line.Held.Clear();
        }

        return new Consuming(group, consumer, _cutOff.Token);
    }

    public async Task ReturnAsync(string queue, string group, Job job)
    {
        var delay = job.Due - DateTimeOffset.UtcNow;
        await _sender.SendAsync(
            $"exchange:{await EndpointOfAsync(queue, group).ConfigureAwait(false)}", job, context => context.Delay = delay > TimeSpan.Zero ? delay : null, default).ConfigureAwait(false);
    }

    public Task BuryAsync(string queue, string group, Job job, AttemptFailure reason) => _sender.SendAsync(
        $"queue:{Fold(_names.Dead(queue, group))}", job, context => FaultHeaders.Write(context.Headers, reason, _names.Jobs(queue, group), job.Attempts), default);

    public async Task<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken)
    {
        using var _ = await EnterAsync(cancellationToken).ConfigureAwait(false);
        if (!LineOf(queue).Groups.TryGetValue(group, out var found))
        {
            return false;
        }

        if (found.Consumers > 0)
        {
            throw new BrokerException(
                BrokerErrorCodes.Conflict, $"The group '{group}' of the queue '{queue}' has consumers; dispose them before you remove it.");
        }

        found.Jobs.Writer.Complete(); // from now on nothing can be written: its copies are discarded
        return LineOf(queue).Groups.Remove(group);
    }

    public async ValueTask DisposeAsync()
    {
        if (_ownsBus)
        {
            await _bus.StopAsync(_options.OperationTimeout).ConfigureAwait(false);
        }

        Taken.TryRemove(_name, out _);
    }

    /// <summary>Ends the bus and nothing else, as a crash would.</summary>
    internal async Task CutOffAsync()
    {
        await _cutOff.CancelAsync().ConfigureAwait(false);
        await _bus.StopAsync(_options.OperationTimeout).ConfigureAwait(false);
    }

    /// <summary>The transport knows no difference between capital and small letters, so that a name with capital ones gets a hash.</summary>
    private static string Fold(string name) => name.Any(char.IsAsciiLetterUpper)
        ? $"{name}..{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..16]}"
        : name;

    private static BrokerException Stopped() => new(BrokerErrorCodes.BrokerUnavailable, "The in-memory bus of MassTransit has been stopped.");

    private static string Take(string name) => Taken.TryAdd(name, 0)
        ? name
        : throw new BrokerException(BrokerErrorCodes.Conflict, $"The in-memory bus {name} has a broker already; a second instance needs a broker that can be shared.");

    private async Task ConnectAsync(Group group, string entry, GroupConsumer consumer, CancellationToken cancellationToken)
    {
        var filter = new ReceiveFilter(
            (job, _) =>
            {
                group.Jobs.Writer.TryWrite(job);
                if (_arrivals.TryGetValue(job.MessageId, out var arrival))
                {
                    arrival.Count();
                }

                return Task.CompletedTask;
            },
            consumer.BuryUnreadableAsync);
        var handle = _bus.ConnectReceiveEndpoint(group.Endpoint, endpoint =>
        {
            filter.AddTo(endpoint);
            endpoint.ConcurrentMessageLimit = 1; // in order
            ((IInMemoryReceiveEndpointConfigurator)endpoint).Bind(entry);
        });
        await handle.Ready.WaitAsync(_options.OperationTimeout, cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> EndpointOfAsync(string queue, string group)
    {
        using var _ = await EnterAsync(default).ConfigureAwait(false);
        return LineOf(queue).Groups[group].Endpoint;
    }

    private Line LineOf(string queue)
    {
        if (!_lines.TryGetValue(queue, out var line))
        {
            _lines.Add(queue, line = new Line([], new(StringComparer.Ordinal)));
        }

        return line;
    }

    private async Task<Releaser> EnterAsync(CancellationToken cancellationToken)
    {
        if (_cutOff.IsCancellationRequested)
        {
            throw Stopped();
        }

        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Releaser(_gate);
    }

    private readonly struct Releaser(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }

    /// <summary>A message on its way to the groups.</summary>
    private sealed class Arrival(int groups)
    {
        private readonly TaskCompletionSource _everywhere = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _missing = groups;

        public Task Everywhere => _everywhere.Task;

        public void Count()
        {
            if (Interlocked.Decrement(ref _missing) == 0)
            {
                _everywhere.SetResult();
            }
        }
    }

    private sealed record Line(List<Job> Held, Dictionary<string, Group> Groups);

    private sealed class Group(string endpoint)
    {
        public int Consumers;

        public string Endpoint => endpoint;

        public Channel<Job> Jobs { get; } = Channel.CreateUnbounded<Job>();
    }

    /// <summary>As many loops as handlers may run.</summary>
    private sealed class Consuming : IAsyncDisposable
    {
        private readonly Group _group;
        private readonly GroupConsumer _consumer;
        private readonly CancellationToken _cutOff;
        private readonly CancellationTokenSource _stopping = new();
        private readonly Task _running;

        public Consuming(Group group, GroupConsumer consumer, CancellationToken cutOff)
        {
            (_group, _consumer, _cutOff) = (group, consumer, cutOff);
            Interlocked.Increment(ref group.Consumers);
            _running = Task.WhenAll(Enumerable.Range(0, consumer.Subscription.Concurrency).Select(_ => Task.Run(RunAsync)));
        }

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync().ConfigureAwait(false);
            await _running.ConfigureAwait(false);
            Interlocked.Decrement(ref _group.Consumers);
            _stopping.Dispose();
        }

        private async Task RunAsync()
        {
            while (!_stopping.IsCancellationRequested)
            {
                try
                {
                    if (_group.Jobs.Reader.TryRead(out var job))
                    {
                        await DeliverAsync(job).ConfigureAwait(false);
                    }
                    else
                    {
                        await _group.Jobs.Reader.WaitToReadAsync(_stopping.Token).ConfigureAwait(false);
                    }
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }

        private async Task DeliverAsync(Job job)
        {
            try
            {
                await _consumer.DeliverAsync(job, _cutOff).ConfigureAwait(false);
            }
            catch (BrokerException)
            {
                _group.Jobs.Writer.TryWrite(job);
            }
        }
    }
}
