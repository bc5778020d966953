using System.CommandLine;
using System.Text.Json;
using Iii.Bench.Relay;
using Iii.Bench.Wire;
using Iii.Bench.Workers;

namespace Iii.Bench.Commands;

/// <summary>The programs a suite starts. They run by hand just as well, for a profiler for example.</summary>
internal static class ProgramCommands
{
    private static readonly Option<Uri> Url = new("--url")
    {
        Description = "The worker port of the engine or the relay.",
        DefaultValueFactory = _ => new Uri("ws://127.0.0.1:49134"),
        CustomParser = result => new Uri(result.Tokens[0].Value),
    };

    private static readonly Option<bool> UntilInputEnds = new("--until-input-ends")
    {
        Description = "End when standard input closes.",
    };

    public static Command Relay()
    {
        var httpPort = new Option<int>("--http-port") { DefaultValueFactory = _ => 3111 };
        var workerPort = new Option<int>("--worker-port") { DefaultValueFactory = _ => 49134 };
        var command = new Command("relay", "Run the relay floor.") { httpPort, workerPort, UntilInputEnds };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var life = Life(parsed, cancellation);
            await RelayServer.RunAsync(parsed.GetValue(httpPort), parsed.GetValue(workerPort), life.Token);
        });
        return command;
    }

    public static Command Worker()
    {
        var routes = new Option<int>("--routes") { DefaultValueFactory = _ => 1 };
        var command = new Command("worker", "Run the tuned worker: function math.add and its routes.") { Url, routes, UntilInputEnds };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var life = Life(parsed, cancellation);
            using var connection = await WorkerConnection.ConnectAsync(parsed.GetRequiredValue(Url), life.Token);
            var worker = new AdditionWorker(connection);
            worker.Register(new RouteSet(parsed.GetValue(routes)));
            await connection.RunAsync(worker.Handle, life.Token);
        });
        return command;
    }

    public static Command SdkWorker()
    {
        var inline = new Option<bool>("--inline") { Description = "Run the function where messages are received." };
        var command = new Command("sdk-worker", "Run the worker on the SDK: function math.add.") { Url, inline, UntilInputEnds };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var life = Life(parsed, cancellation);
            await Workers.SdkWorker.RunAsync(parsed.GetRequiredValue(Url), parsed.GetValue(inline), life.Token);
        });
        return command;
    }

    public static Command SdkCaller()
    {
        var command = new Command("sdk-caller", "Call math.add with the SDK; each input line is 'CALLS_IN_FLIGHT MILLISECONDS'.") { Url };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var worker = await Sdk.IiiWorker.ConnectAsync(parsed.GetRequiredValue(Url).ToString(), cancellation: cancellation);
            var caller = new SdkCaller(worker);
            await AnswerLinesAsync((inFlight, duration) => caller.RunAsync(inFlight, duration), cancellation);
        });
        return command;
    }

    public static Command Caller()
    {
        var command = new Command("caller", "Call math.add; each input line is 'CALLS_IN_FLIGHT MILLISECONDS'.") { Url };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var life = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            using var connection = await WorkerConnection.ConnectAsync(parsed.GetRequiredValue(Url), cancellation);
            var caller = new Caller(connection);
            var receiving = connection.RunAsync(caller.Handle, life.Token);
            await AnswerLinesAsync((inFlight, duration) => caller.RunAsync(inFlight, duration, cancellation), cancellation);
            await life.CancelAsync();
            await receiving;
        });
        return command;
    }

    /// <summary>Runs a window for each line of the input.</summary>
    public static Task AnswerLinesAsync(Func<int, TimeSpan, Task<CallerReport>> run, CancellationToken cancellation) => AnswerLinesAsync(
        (inFlight, duration, rate) => rate == 0 ? run(inFlight, duration) : throw new FormatException("Calls at a rate are not to be had here."),
        cancellation);

    /// <summary>Runs a window for each line of the input, which may name a rate as its third number.</summary>
    public static async Task AnswerLinesAsync(Func<int, TimeSpan, int, Task<CallerReport>> run, CancellationToken cancellation)
    {
        while (await Console.In.ReadLineAsync(cancellation) is { } line)
        {
            var (inFlight, milliseconds, rate) = line.Split(' ') switch
            {
                [var first, var second] => (int.Parse(first), int.Parse(second), 0),
                [var first, var second, var third] => (int.Parse(first), int.Parse(second), int.Parse(third)),
                _ => throw new FormatException($"Expected 'CALLS_IN_FLIGHT MILLISECONDS [RATE]', not '{line}'."),
            };
            Console.WriteLine(JsonSerializer.Serialize(await run(inFlight, TimeSpan.FromMilliseconds(milliseconds), rate)));
        }
    }

    private static CancellationTokenSource Life(ParseResult parsed, CancellationToken cancellation)
    {
        var life = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (parsed.GetValue(UntilInputEnds))
        {
            new Thread(() =>
            {
                while (Console.In.Read() >= 0)
                {
                    // Only the end matters.
                }

                Environment.Exit(0);
            })
            { IsBackground = true, Name = "input" }.Start();
        }

        return life;
    }
}
