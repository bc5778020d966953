using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests;

/// <summary>Channels and streamed HTTP with every SDK generation that has them.</summary>
public class StreamingTests(StreamingTests.Fleet fleet) : IClassFixture<StreamingTests.Fleet>
{
    private const int Large = 10 * 1024 * 1024;

    /// <summary>How much more memory the engine may hold while much more than that flows through it.</summary>
    private const long MaxGrowth = 64L * 1024 * 1024;

    private const long Huge = 1024L * 1024 * 1024;

    public static readonly string[] Versions = ["0.9.0", "0.11.6", "0.22.1"];

    public static TheoryData<string> Each => [.. Versions];

    public static TheoryData<string, string> Pairs => [.. Versions.SelectMany(static one => Versions.Select(other => (one, other)))];

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Channel_carries_text_and_bytes_from_a_called_function(string caller, string callee)
    {
        var answer = await fleet[caller].AskAsync("read", new JsonObject { ["from"] = callee, ["text"] = "hello" });

        Assert.Equal("""{"text":"hello","texts":["side band"]}""", answer.GetRawText());
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Channel_carries_10_MB_to_a_called_function(string caller, string callee)
    {
        var answer = await fleet[caller].AskAsync("write", new JsonObject { ["to"] = callee, ["bytes"] = Large });

        Assert.Equal(answer.GetProperty("sent").GetString(), answer.GetProperty("received").GetString());
    }

    [Theory]
    [Trait("spec", "http 7.17")]
    [MemberData(nameof(Each))]
    public async Task Events_reach_the_client_one_by_one(string version)
    {
        using var response = await GetAsync($"streaming/events/{version}");
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal($"data: {i}", await NextAsync());
            Assert.Equal("", await NextAsync());
            await fleet[version].AskAsync("go_on");
        }

        Assert.Null(await NextAsync());

        Task<string?> NextAsync() => Eventually.EndsAsync("a line comes", reader.ReadLineAsync());
    }

    [Theory]
    [Trait("spec", "http 7.9")]
    [MemberData(nameof(Each))]
    public async Task Upload_of_10_MB_arrives_byte_for_byte(string version)
    {
        var bytes = RandomNumberGenerator.GetBytes(Large);
        using var response = await fleet.Http.PostAsync(
            new Uri($"streaming/upload/{version}", UriKind.Relative), new ByteArrayContent(bytes));

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), await response.Content.ReadAsStringAsync());
        Assert.Equal(["10485760"], response.Headers.GetValues("x-length"));
    }

    [Theory]
    [MemberData(nameof(Each))]
    public async Task Download_of_10_MB_arrives_whole(string version)
    {
        using var response = await GetAsync($"streaming/download/{version}?bytes={Large + 7}");
        var bytes = await response.Content.ReadAsByteArrayAsync();

        Assert.Equal(Large + 7, bytes.Length);
        Assert.Equal(-1, bytes.AsSpan().IndexOfAnyExcept((byte)'x'));
    }

    [Fact]
    [Trait("spec", "protocol 11.45")]
    public async Task Gigabyte_flows_both_ways_through_bounded_memory()
    {
        using (var warm = await GetAsync($"streaming/download/{Sdks.Usual}?bytes={Large * 4}"))
        {
            await warm.Content.CopyToAsync(Stream.Null);
        }

        var before = fleet.ResidentBytes;
        var peak = before;
        using var response = await GetAsync($"streaming/download/{Sdks.Usual}?bytes={Huge}");
        using var body = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[256 * 1024];
        var received = 0L;
        for (var n = 0; await body.ReadAsync(buffer) is > 0 and var count; n++)
        {
            received += count;
            peak = n % 256 == 0 ? Math.Max(peak, fleet.ResidentBytes) : peak;
        }

        Assert.Equal(Huge, received);
        using var counted = await fleet.Http.PostAsync(
            new Uri($"streaming/count/{Sdks.Usual}", UriKind.Relative), new HugeContent(() => peak = Math.Max(peak, fleet.ResidentBytes)));
        Assert.Equal(Huge.ToString(CultureInfo.InvariantCulture), await counted.Content.ReadAsStringAsync());
        Assert.InRange(peak - before, 0, MaxGrowth);
    }

    private Task<HttpResponseMessage> GetAsync(string path) =>
        fleet.Http.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);

    private sealed class HugeContent(Action look) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var piece = new byte[64 * 1024];
            for (var left = Huge; left > 0; left -= piece.Length)
            {
                await stream.WriteAsync(piece);
                if (left % (64 * piece.Length) == 0)
                {
                    look();
                }
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = Huge;
            return true;
        }
    }

    /// <summary>One engine, and a worker of each version.</summary>
    public sealed class Fleet : IAsyncLifetime
    {
        private readonly Dictionary<string, NodeWorker> _workers = [];
        private EngineProcess? _engine;

        internal NodeWorker this[string version] => _workers[version];

        internal HttpClient Http => _engine!.Http;

        /// <summary>What the engine's process holds in memory.</summary>
        internal long ResidentBytes
        {
            get
            {
                using var process = Process.GetProcessById(_engine!.Id);
                return process.WorkingSet64;
            }
        }

        public async ValueTask InitializeAsync()
        {
            _engine = await EngineProcess.StartAsync();
            foreach (var version in Versions)
            {
                _workers[version] = await NodeWorker.StartAsync(_engine, version, "streaming", $"streaming-{version}");
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
