using System.Text;
using System.Text.Json;
using CsCheck;

namespace Iii.Protocol.Tests;

public sealed class EnvelopeTests
{
    private static readonly Gen<string> Text = Gen.String[Gen.Char, 0, 20].Select(static text => Quote(text));

    private static readonly Gen<string> Space = Gen.OneOf<string>("", " ", "\n", "\t \r\n");

    /// <summary>Any JSON value, with white space anywhere, numbers of any size and escapes of any kind.</summary>
    private static readonly Gen<string> Json = Gen.Recursive<string>((depth, self) =>
    {
        var scalar = Gen.OneOf(
            Text,
            Gen.OneOf<string>("null", "true", "false", "0", "-0", "1.50", "1E+2", "9007199254740993", "-1e-400", "\"\\u0041\\/\\ud83d\\ude00\"", "\"\\ud800\""),
            Gen.Long.Select(static number => number.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        return depth >= 4
            ? scalar
            : Gen.Frequency(
                (4, scalar),
                (1, Gen.Select(self.Array[0, 4], Space, static (items, space) => $"[{space}{string.Join($"{space},{space}", items)}{space}]")),
                (1, Gen.Select(Gen.Select(Text, self).Array[0, 4], Space, static (members, space) =>
                    $"{{{space}{string.Join(",", members.Select(member => $"{space}{member.Item1}{space}:{space}{member.Item2}"))}{space}}}")));
    });

    [Fact]
    public void Any_payload_passes_through_a_call_byte_for_byte() => Json.Sample(static payload =>
    {
        var frame = Frames.InvokeFunction(Guid.NewGuid(), "\"f\""u8, Encoding.UTF8.GetBytes(payload), default, default, default, default);
        Assert.True(Envelope.TryRead(frame.Span, out var read, out _));
        Assert.Equal(MessageType.InvokeFunction, read.Type);
        Assert.Equal(payload, Encoding.UTF8.GetString(read.Data.Raw));
        frame.Return();
    });

    [Fact]
    public void Any_result_passes_through_an_answer_byte_for_byte() => Json.Sample(static payload =>
    {
        var frame = Frames.InvocationResult("\"i\""u8, "\"f\""u8, Encoding.UTF8.GetBytes(payload), default, default, default);
        Assert.True(Envelope.TryRead(frame.Span, out var read, out _));
        Assert.Equal(payload, Encoding.UTF8.GetString(read.Result.Raw));
        frame.Return();
    });

    [Fact]
    public void The_callers_id_is_the_last_member_of_any_object() => Json.Sample(static payload =>
    {
        var frame = Frames.InvokeFunction(Guid.NewGuid(), "\"f\""u8, Encoding.UTF8.GetBytes(payload), "\"me\""u8, default, default, default);
        Assert.True(Envelope.TryRead(frame.Span, out var read, out var problem), problem);
        if (payload.StartsWith('{'))
        {
            Assert.Equal("me", read.Data.Find("_caller_worker_id"u8).GetString());
            Assert.EndsWith("\"_caller_worker_id\":\"me\"}", Encoding.UTF8.GetString(read.Data.Raw), StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(payload, Encoding.UTF8.GetString(read.Data.Raw));
        }

        frame.Return();
    });

    [Fact]
    public void Any_bytes_are_read_or_refused_and_never_throw() => Gen.Byte.Array[0, 200].Sample(static bytes =>
    {
        if (!Envelope.TryRead(bytes, out _, out var problem))
        {
            Assert.NotNull(problem);
        }
    });

    [Fact]
    public void A_frame_cut_anywhere_is_refused()
    {
        var frame = """{"type":"invokefunction","invocation_id":"a","function_id":"f","data":{"a":[1,{"b":"c"}]}}"""u8.ToArray();
        for (var length = 0; length < frame.Length; length++)
        {
            Assert.False(Envelope.TryRead(frame.AsSpan(0, length), out _, out var problem), $"cut at {length}");
            Assert.NotNull(problem);
        }
    }

    [Fact]
    public void Members_come_in_any_order_and_the_last_of_duplicates_counts()
    {
        Assert.True(Envelope.TryRead(
            """{"data":1,"function_id":"x","function_id":"\u0066","data":{"a":2},"unknown":[[]],"type":"ping","type":"invokefunction"}"""u8,
            out var read,
            out _));
        Assert.Equal(MessageType.InvokeFunction, read.Type);
        Assert.Equal("f", read.FunctionId.GetString());
        Assert.Equal("""{"a":2}""", Encoding.UTF8.GetString(read.Data.Raw));
    }

    [Fact]
    public void Names_written_with_escapes_are_the_same_names()
    {
        Assert.True(Envelope.TryRead("""{"\u0074ype":"ping","i\u0064":"x"}"""u8, out var read, out _));
        Assert.Equal(MessageType.Ping, read.Type);
        Assert.Equal("x", read.Id.GetString());
    }

    [Theory]
    [InlineData(WireLimits.MaxDepth - 1, true)]
    [InlineData(WireLimits.MaxDepth, false)]
    public void Nesting_has_a_bound(int depth, bool isRead)
    {
        var frame = $$"""{"type":"ping","data":{{new string('[', depth)}}{{new string(']', depth)}}}""";
        Assert.Equal(isRead, Envelope.TryRead(Encoding.UTF8.GetBytes(frame), out var read, out _));
        Assert.Equal(MessageType.Ping, read.Type);
    }

    [Fact]
    public void What_was_read_before_a_defect_is_still_there()
    {
        Assert.False(Envelope.TryRead("""{"type":"invocationresult","invocation_id":"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10","result":{oops"""u8, out var read, out _));
        Assert.Equal(MessageType.InvocationResult, read.Type);
        Assert.True(read.InvocationId.TryGetGuid(out _));
    }

    [Fact]
    public void Text_survives_the_way_into_a_frame_and_back() => Gen.String.Sample(static text =>
    {
        var builder = new FrameBuilder(4);
        builder.AppendText(text);
        var frame = builder.Build();
        using var parsed = JsonDocument.Parse(frame.Memory);
        var valid = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        Assert.Equal(valid, parsed.RootElement.GetString());
        Assert.Equal(valid, new JsonSlice(frame.Span).GetString());
        Span<char> characters = new char[text.Length * 6 + 2];
        Assert.Equal(valid, new string(characters[..new JsonSlice(frame.Span).GetString(characters)]));
        frame.Return();
    });

    [Theory]
    [InlineData("\"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10\"", true)]
    [InlineData("\"B7D0B2F44D0E49D58B0C9F7C3B1F2A10\"", true)]
    [InlineData("\"{b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10}\"", true)]
    [InlineData("\"urn:uuid:b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10\"", true)]
    [InlineData("\"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a1\"", false)]
    [InlineData("\"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a1x\"", false)]
    [InlineData("\"urn:uuid:\"", false)]
    [InlineData("\"\"", false)]
    [InlineData("null", false)]
    [InlineData("7", false)]
    public void Uuids_are_read_in_every_spelling(string json, bool isUuid)
    {
        Assert.Equal(isUuid, new JsonSlice(Encoding.UTF8.GetBytes(json)).TryGetGuid(out var value));
        Assert.Equal(isUuid ? Guid.Parse("b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10") : default, value);
    }

    private static string Quote(string text)
    {
        var builder = new FrameBuilder(16);
        builder.AppendText(text);
        var frame = builder.Build();
        var quoted = Encoding.UTF8.GetString(frame.Span);
        frame.Return();
        return quoted;
    }
}
