using System.CommandLine;
using Iii.Bench.Brokers;
using Iii.Bench.Processes;

namespace Iii.Bench.Commands;

/// <summary>The adapters of brokers next to the brokers' own clients.</summary>
internal static class BrokerCommands
{
    private const int FailedOperations = 1;
    private const int RequestBytes = 100;

    private static readonly Option<string> Url = new("--url") { Description = "The broker, which is running already.", Required = true };

    private static readonly Option<int> Pairs = new("--pairs") { Description = "Pairs of windows per cell.", DefaultValueFactory = _ => 5 };

    private static readonly Option<int> Seconds = new("--seconds") { Description = "Length of a window.", DefaultValueFactory = _ => 2 };

    public static Command Bus() => Suite(
        "bus", "Requests and answers between two processes over a bus.", BusPeers.Adapters, ["bus-server", "bus-caller"], [1, 64]);

    public static Command Queue() => Suite(
        "queue", "Durable jobs: enqueued, delivered, handled, acknowledged.", QueuePeers.Adapters, ["queue-worker"], [1, 256]);

    public static Command BusCaller() => Peer("bus-caller", "Call over a bus; each input line is 'CALLS_IN_FLIGHT MILLISECONDS'.", async (peer, cancellation) =>
    {
        var request = new byte[RequestBytes];
        Console.WriteLine(BrokerSide.Ready);
        var caller = new PeerCaller(() => peer.CallAsync(request), RequestBytes);
        await ProgramCommands.AnswerLinesAsync(caller.RunAsync, cancellation);
    });

    public static Command BusServer() => Peer("bus-server", "Answer calls over a bus.", async (peer, cancellation) =>
    {
        await peer.ServeAsync();
        Console.WriteLine(BrokerSide.Ready);
        await Console.In.ReadToEndAsync(cancellation);
    });

    public static Command QueueWorker()
    {
        var side = new Argument<string>("side");
        var command = new Command("queue-worker", "Enqueue and handle jobs; each input line is 'JOBS_IN_FLIGHT MILLISECONDS'.") { side, Url };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var peer = await QueuePeers.StartAsync(parsed.GetRequiredValue(side), parsed.GetRequiredValue(Url));
            Console.WriteLine(BrokerSide.Ready);
            var payload = new byte[RequestBytes];
            var caller = new PeerCaller(() => peer.RunJobAsync(payload), RequestBytes);
            await ProgramCommands.AnswerLinesAsync(caller.RunAsync, cancellation);
        });
        return command;
    }

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

    private static Command Suite(string name, string description, string[] adapters, string[] programs, int[] inFlights)
    {
        var adapter = new Argument<string>("adapter") { Description = "Which adapter." }.AcceptOnlyFromAmong(adapters);
        var command = new Command(name, description) { adapter, Url, Pairs, Seconds };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var folder = new WorkFolder();
            var subjectName = parsed.GetRequiredValue(adapter);
            Task<BrokerSide> StartAsync(string side) =>
                BrokerSide.StartAsync(side, programs, parsed.GetRequiredValue(Url), folder.Path, cancellation);
            await using var subject = await StartAsync(subjectName);
            await using var raw = await StartAsync(subjectName + BusPeers.RawSuffix);
            var suite = new BrokerSuite(subject, raw, parsed.GetValue(Pairs), TimeSpan.FromSeconds(parsed.GetValue(Seconds)), Console.Out);
            suite.WriteHead();
            var isGood = true;
            foreach (var inFlight in inFlights)
            {
                isGood &= await suite.RunAsync($"{name}/n{inFlight}", inFlight, cancellation);
            }

            return isGood ? 0 : FailedOperations;
        });
        return command;
    }
}
