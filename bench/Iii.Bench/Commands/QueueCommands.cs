using System.CommandLine;
using Iii.Bench.Brokers;
using Iii.Bench.Processes;

namespace Iii.Bench.Commands;

/// <summary>Queues: an adapter next to its broker's own client, and a whole engine next to both and to the relay.</summary>
internal static class QueueCommands
{
    /// <summary>Handlers at the same time.</summary>
    private const int Concurrency = 256;

    private static readonly Argument<string> Adapter = new Argument<string>("adapter") { Description = "Which adapter." }
        .AcceptOnlyFromAmong(QueuePeers.Adapters);

    private static readonly Option<string> Url = new("--url")
    {
        Description = "The broker, which is running already; not for memory and embedded.",
        DefaultValueFactory = _ => "",
    };

    private static readonly Option<int> Pairs = new("--pairs") { Description = "Pairs of windows per cell.", DefaultValueFactory = _ => 5 };

    private static readonly Option<int> Seconds = new("--seconds") { Description = "Length of a window.", DefaultValueFactory = _ => 2 };

    public static Command Queue()
    {
        var command = new Command("queue", "Jobs enqueued and handled by one process over a queue.") { Adapter, Url, Pairs, Seconds };
        command.SetAction((parsed, cancellation) => MeasureAsync(parsed, async (name, url, folder) =>
        {
            Task<BrokerSide> StartAsync(string side) => BrokerSide.StartAsync(side, ["queue-caller"], url, folder, cancellation);
            await using var subject = await StartAsync(name);
            await using var ordered = await StartAsync(name + QueuePeers.OrderedSuffix);
            var exitCode = 0;
            if (QueuePeers.HasRaw(name))
            {
                await using var raw = await StartAsync(name + QueuePeers.RawSuffix);
                exitCode = await Suite(subject, raw, parsed).RunAsync("queue", [1, 64, Concurrency], cancellation);
                foreach (var program in Peers(name, url))
                {
                    await using var peer = await BrokerSide.StartAsync(program.Name, program, folder, cancellation);
                    exitCode |= await Suite(peer, raw, parsed).RunAsync("queue", [Concurrency], cancellation);
                }
            }

            return exitCode | await Suite(ordered, subject, parsed).RunAsync("queue-fifo", [Concurrency], cancellation);
        }));
        return command;
    }

    public static Command Jobs()
    {
        var engine = new Option<string>("--engine") { Description = "The engine's executable.", DefaultValueFactory = _ => BenchFolder.EngineBinary };
        var rate = new Option<int>("--rate") { Description = "Jobs a second of the last cell; 0 for half of what there was before.", DefaultValueFactory = _ => 0 };
        var command = new Command("jobs", "Jobs from a worker's enqueue to another worker's function, through an engine.")
        {
            Adapter, engine, Url, Pairs, Seconds, rate,
        };
        command.SetAction((parsed, cancellation) => MeasureAsync(parsed, async (name, url, folder) =>
        {
            var kind = ServerKind.Engine(parsed.GetRequiredValue(engine), Configuration(name, url, folder));
            await using var subject = await BrokerSide.StartQueueAsync(kind, folder, cancellation);
            await using var relay = await BrokerSide.StartRelayAsync(folder, cancellation);
            var suite = Suite(subject, relay, parsed);
            var exitCode = await suite.RunAsync("jobs", [1, 64, Concurrency], cancellation);
            exitCode |= await suite.RunAtAsync("jobs", parsed.GetValue(rate), cancellation);
            if (QueuePeers.HasRaw(name))
            {
                await using var raw = await BrokerSide.StartAsync(name + QueuePeers.RawSuffix, ["queue-caller"], url, folder, cancellation);
                exitCode |= await Suite(subject, raw, parsed).RunAsync("jobs", [Concurrency], cancellation);
            }

            return exitCode;
        }));
        return command;
    }

    public static Command Delayed()
    {
        var jobs = new Option<int>("--jobs") { Description = "How many wait.", DefaultValueFactory = _ => 100_000 };
        var spread = new Option<int>("--spread") { Description = "Seconds over which they fall due.", DefaultValueFactory = _ => 20 };
        var lead = new Option<int>("--lead") { Description = "Seconds until the first is due; all are stored by then.", DefaultValueFactory = _ => 60 };
        var command = new Command("delayed", "Jobs that wait for a time: how late are they?") { Adapter, Url, jobs, spread, lead };
        command.SetAction((parsed, cancellation) => MeasureAsync(parsed, async (name, url, folder) =>
        {
            var (queues, connection) = await QueuePeers.OpenAsync(name, url, folder);
            var count = parsed.GetValue(jobs);
            double[] late;
            await using (connection)
            {
                await using (queues)
                {
                    late = await DelayedLoad.MeasureAsync(
                        queues, count, TimeSpan.FromSeconds(parsed.GetValue(lead)), TimeSpan.FromSeconds(parsed.GetValue(spread)));
                }
            }

            Console.WriteLine(
                $"{name}: {count} delayed jobs, due over {parsed.GetValue(spread)} s: p50 {late[count / 2]:0.0} ms late, "
                + $"p99 {late[count * 99 / 100]:0.0}, worst {late[^1]:0.0}, earliest {late[0]:0.0}");
            return 0;
        }));
        return command;
    }

    public static Command QueueCaller()
    {
        var side = new Argument<string>("side");
        var command = new Command("queue-caller", "Enqueue and handle jobs; each input line is 'JOBS_IN_FLIGHT MILLISECONDS [RATE]'.") { side, Url };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var peer = await QueuePeers.ConnectAsync(parsed.GetRequiredValue(side), parsed.GetRequiredValue(Url));
            await peer.ConsumeAsync(Concurrency);
            Console.WriteLine(BrokerSide.Ready);
            var caller = new PeerCaller(async () =>
            {
                await peer.RunJobAsync();
                return true;
            });
            await ProgramCommands.AnswerLinesAsync(caller.RunAsync, cancellation);
        });
        return command;
    }

    private static BrokerSuite Suite(BrokerSide subject, BrokerSide other, ParseResult parsed)
    {
        var suite = new BrokerSuite(subject, other, parsed.GetValue(Pairs), TimeSpan.FromSeconds(parsed.GetValue(Seconds)), Console.Out);
        suite.WriteHead();
        return suite;
    }

    /// <summary>Other libraries of this kind on the same broker.</summary>
    private static IEnumerable<Launch> Peers(string adapter, string url) => adapter switch
    {
        "redis" => [new Launch("bullmq", "node", BenchFolder.BullMq, url, $"{Concurrency}")],
        "rabbitmq" => [Programs.BrokerPeer("queue-caller", QueuePeers.MassTransit, url) with { Name = QueuePeers.MassTransit }],
        _ => [],
    };

    private static string Configuration(string adapter, string url, string folder) => "  - class: modules::queue::QueueModule\n" + adapter switch
    {
        QueuePeers.Memory => "    config: { adapter: { class: modules::queue::BuiltinQueueAdapter, config: { store_method: in_memory } } }\n",
        QueuePeers.Embedded =>
            $"    config: {{ adapter: {{ class: modules::queue::BuiltinQueueAdapter, config: {{ file_path: '{folder}/data' }} }} }}\n",
        _ => $"broker: {{ adapter: {adapter}, url: '{url}' }}\ncluster: {{ name: bench-jobs }}\n",
    };

    private static async Task<int> MeasureAsync(ParseResult parsed, Func<string, string, string, Task<int>> measure)
    {
        var (name, url) = (parsed.GetRequiredValue(Adapter), parsed.GetRequiredValue(Url));
        if (QueuePeers.IsServer(name) && url.Length == 0)
        {
            throw new InvalidOperationException($"Say with --url where {name} is.");
        }

        using var folder = new WorkFolder();
        return await measure(name, url, folder.Path);
    }
}
