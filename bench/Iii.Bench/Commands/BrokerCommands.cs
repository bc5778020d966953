using System.CommandLine;
using Iii.Bench.Brokers;
using Iii.Bench.Processes;

namespace Iii.Bench.Commands;

/// <summary>Requests and answers over brokers, next to the brokers' own clients.</summary>
internal static class BrokerCommands
{
    private const int RequestBytes = 100;

    private static readonly Option<string> Url = new("--url") { Description = "The broker, which is running already.", Required = true };

    private static readonly Option<int> Pairs = new("--pairs") { Description = "Pairs of windows per cell.", DefaultValueFactory = _ => 5 };

    private static readonly Option<int> Seconds = new("--seconds") { Description = "Length of a window.", DefaultValueFactory = _ => 2 };

    public static Command Bus()
    {
        var adapter = new Argument<string>("adapter") { Description = "Which adapter." }.AcceptOnlyFromAmong(BusPeers.Adapters);
        var command = new Command("bus", "Requests and answers between two processes over a bus.") { adapter, Url, Pairs, Seconds };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var folder = new WorkFolder();
            var name = parsed.GetRequiredValue(adapter);
            Task<BrokerSide> StartAsync(string side) => BrokerSide.StartAsync(
                side, ["bus-server", "bus-caller"], parsed.GetRequiredValue(Url), folder.Path, cancellation);
            await using var subject = await StartAsync(name);
            await using var raw = await StartAsync(name + BusPeers.RawSuffix);
            return await RunAsync("bus", subject, raw, [1, 64], parsed, cancellation);
        });
        return command;
    }

    public static Command Cluster()
    {
        var adapter = new Argument<string>("adapter") { Description = "Which adapter." }.AcceptOnlyFromAmong(BusPeers.Adapters);
        var engine = new Option<string>("--engine") { Description = "The engine's executable.", DefaultValueFactory = _ => BenchFolder.EngineBinary };
        var command = new Command("cluster", "Calls from a worker of one engine to a worker of another, over a broker.") { adapter, engine, Url, Pairs, Seconds };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var folder = new WorkFolder();
            var (name, url) = (parsed.GetRequiredValue(adapter), parsed.GetRequiredValue(Url));
            Task<BrokerSide> StartAsync(string side, bool isRemote) => BrokerSide.StartClusterAsync(
                side, parsed.GetRequiredValue(engine), name, url, isRemote, folder.Path, cancellation);
            await using var remote = await StartAsync("remote", isRemote: true);
            await using var raw = await BrokerSide.StartAsync(
                name + BusPeers.RawSuffix, ["bus-server", "bus-caller"], url, folder.Path, cancellation);
            var overRaw = await RunAsync("cluster", remote, raw, [1, 64], parsed, cancellation);
            await using var local = await StartAsync("local", isRemote: false);
            return Math.Max(overRaw, await RunAsync("cluster", remote, local, [1, 64], parsed, cancellation));
        });
        return command;
    }

    public static Command BusCaller() => Peer("bus-caller", "Call over a bus; each input line is 'CALLS_IN_FLIGHT MILLISECONDS'.", async (peer, cancellation) =>
    {
        var request = new byte[RequestBytes];
        Console.WriteLine(BrokerSide.Ready);
        var caller = new PeerCaller(async () => await peer.CallAsync(request) == RequestBytes);
        await ProgramCommands.AnswerLinesAsync(caller.RunAsync, cancellation);
    });

    public static Command BusServer() => Peer("bus-server", "Answer calls over a bus.", async (peer, cancellation) =>
    {
        await peer.ServeAsync();
        Console.WriteLine(BrokerSide.Ready);
        await Console.In.ReadToEndAsync(cancellation);
    });

    private static Command Peer(string name, string description, Func<IBusPeer, CancellationToken, Task> run)
    {
        var side = new Argument<string>("side");
        var command = new Command(name, description) { side, Url };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var peer = await BusPeers.ConnectAsync(parsed.GetRequiredValue(side), parsed.GetRequiredValue(Url));
            await run(peer, cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        string cell, BrokerSide subject, BrokerSide raw, int[] inFlights, ParseResult parsed, CancellationToken cancellation)
    {
        var suite = new BrokerSuite(subject, raw, parsed.GetValue(Pairs), TimeSpan.FromSeconds(parsed.GetValue(Seconds)), Console.Out);
        suite.WriteHead();
        return await suite.RunAsync(cell, inFlights, cancellation);
    }
}
