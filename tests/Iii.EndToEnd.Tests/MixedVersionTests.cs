using System.Text.Json.Nodes;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests;

/// <summary>Workers of all SDK versions on one engine: each can call what the others offer.</summary>
public class MixedVersionTests(MixedVersionTests.Fleet fleet) : IClassFixture<MixedVersionTests.Fleet>
{
    [Theory]
    [MemberData(nameof(Sdks.Pairs), MemberType = typeof(Sdks))]
    public async Task Function_of_any_version_answers_a_caller_of_any_version(string caller, string callee)
    {
        var answer = await fleet[caller].CallAsync($"mixed::add::{callee}", new { a = 2, b = 3 });

        Assert.Equal($$"""{"sum":5,"by":"{{callee}}"}""", answer.GetRawText());
    }

    [Theory]
    [MemberData(nameof(Sdks.Pairs), MemberType = typeof(Sdks))]
    public async Task Thrown_error_reaches_the_caller_as_invocation_failed(string caller, string callee)
    {
        var error = await Assert.ThrowsAsync<WorkerErrorException>(() => fleet[caller].CallAsync($"mixed::fail::{callee}", new { }));

        Assert.Equal("invocation_failed", error.Code);
        Assert.Contains($"boom from {callee}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Sdks.Each), MemberType = typeof(Sdks))]
    public async Task Unknown_function_is_reported_as_function_not_found(string caller)
    {
        var error = await Assert.ThrowsAsync<WorkerErrorException>(() => fleet[caller].CallAsync("mixed::nobody", new { x = 1 }));

        Assert.Equal("function_not_found", error.Code);
        Assert.Contains("mixed::nobody", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Sdks.Pairs), MemberType = typeof(Sdks))]
    public async Task Void_call_takes_effect(string caller, string callee)
    {
        var text = $"from {caller}";

        await fleet[caller].SendAsync($"mixed::note::{callee}", new { text });

        await Eventually.TrueAsync($"{callee} has the note of {caller}", async () =>
        {
            var notes = await fleet[caller].CallAsync($"mixed::notes::{callee}", new { });
            return notes.EnumerateArray().Count(note => note.GetString() == text) == 1;
        });
    }

    [Theory]
    [Trait("spec", "protocol 11.49")]
    [MemberData(nameof(Sdks.Each), MemberType = typeof(Sdks))]
    public async Task Ten_mebibytes_round_trip_between_workers(string caller)
    {
        var answer = await fleet[caller].AskAsync("exchange", new JsonObject { ["to"] = Sdks.Usual, ["length"] = 10 * 1024 * 1024 });

        Assert.True(answer.GetBoolean());
    }

    [Fact]
    public async Task Every_worker_is_listed_once_with_its_version()
    {
        var versions = await Eventually.ValueAsync(
            "all workers have introduced themselves",
            async () =>
            {
                var answer = await fleet[Sdks.Usual].CallAsync("engine::workers::list", new { });
                return answer.GetProperty("workers").EnumerateArray().Select(static worker => worker.GetProperty("version").GetString()).ToArray();
            },
            static versions => Sdks.All.All(versions.Contains));

        // The telemetry sockets of 0.3.0 and 0.9.0 are not workers.
        Assert.Equal(Sdks.All.Order(), versions.Order());
    }

    /// <summary>One engine, and a worker of each version.</summary>
    public sealed class Fleet : IAsyncLifetime
    {
        private readonly Dictionary<string, NodeWorker> _workers = [];
        private EngineProcess? _engine;

        internal NodeWorker this[string version] => _workers[version];

        public async ValueTask InitializeAsync()
        {
            _engine = await EngineProcess.StartAsync();
            foreach (var version in Sdks.All)
            {
                _workers[version] = await NodeWorker.StartAsync(_engine, version, "mixed", $"mixed-{version}");
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var worker in _workers.Values)
            {
                await worker.DisposeAsync();
            }

            if (_engine is not null)
            {
                await _engine.DisposeAsync();
            }
        }
    }
}
