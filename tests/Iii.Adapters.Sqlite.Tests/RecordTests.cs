using Iii.Adapters.Sqlite.Queues;
using Iii.Broker;

namespace Iii.Adapters.Sqlite.Tests;

/// <summary>What is in files that users have: bytes and numbers that must never change.</summary>
public sealed class RecordTests
{
    [Theory]
    [InlineData(null, 0)]
    [InlineData("a", -5808556873153909620)]
    [InlineData("order 7", -2388479420349911418)]
    [InlineData("日本 😀", 8177924992361471466)]
    public void Lanes_are_the_numbers_of_their_keys(string? key, long lane) => Assert.Equal(lane, Lanes.Of(key));

    [Fact]
    public void A_message_id_names_the_file_and_the_number()
    {
        Assert.Equal("ffffffffffffffff000000000000002a", MessageIds.Format(-1, 42));
        Assert.Equal(42, MessageIds.Parse(-1, "ffffffffffffffff000000000000002a"));
        Assert.Null(MessageIds.Parse(1, "ffffffffffffffff000000000000002a"));
        Assert.Null(MessageIds.Parse(-1, "ffffffffffffffff00000000000002a"));
        Assert.Null(MessageIds.Parse(-1, "ffffffffffffffff00000000000000zz"));
        Assert.Null(MessageIds.Parse(-1, ""));
    }

    [Fact]
    public void Headers_are_a_count_and_texts_with_their_lengths()
    {
        var bytes = RecordCodec.EncodeHeaders(new Dictionary<string, string> { ["k"] = "é", ["e"] = "" })!;
        Assert.Equal("02010000006B02000000C3A9010000006500000000", Convert.ToHexString(bytes));
        Assert.Equal([("e", ""), ("k", "é")], RecordCodec.DecodeHeaders(bytes)!.Select(pair => (pair.Key, pair.Value)).Order());
        Assert.Null(RecordCodec.EncodeHeaders(new Dictionary<string, string>()));
        Assert.Empty(RecordCodec.DecodeHeaders([])!);
    }

    [Fact]
    public void Failures_are_a_count_and_records()
    {
        var failures = new[]
        {
            new AttemptRecord(3, new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero), new AttemptFailure("c", "m") { Worker = "w" }),
        };
        var bytes = RecordCodec.EncodeFailures(failures)!;
        Assert.Equal("0103000000000000000040E4470222C1080100000063010000006D0100000077FFFFFFFF", Convert.ToHexString(bytes));
        Assert.Equal(failures, RecordCodec.DecodeFailures(bytes));
        Assert.Null(RecordCodec.EncodeFailures([]));
        Assert.Empty(RecordCodec.DecodeFailures([])!);
    }

    [Fact]
    public void What_is_no_record_is_told_apart_wherever_it_is_cut_or_changed()
    {
        var headers = RecordCodec.EncodeHeaders(new Dictionary<string, string> { ["key"] = "value" })!;
        var failures = RecordCodec.EncodeFailures([new AttemptRecord(1, DateTimeOffset.UnixEpoch, new AttemptFailure("c", "m"))])!;
        for (var length = 1; length < headers.Length; length++)
        {
            Assert.Null(RecordCodec.DecodeHeaders(headers.AsSpan(0, length)));
        }

        for (var length = 1; length < failures.Length; length++)
        {
            Assert.Null(RecordCodec.DecodeFailures(failures.AsSpan(0, length)));
        }

        Assert.Null(RecordCodec.DecodeHeaders((byte[])[.. headers, 0]));
        Assert.Null(RecordCodec.DecodeFailures((byte[])[.. failures, 0]));
        headers[^1] = 0xFF;
        Assert.Null(RecordCodec.DecodeHeaders(headers));
    }
}
