using System.Text;

namespace Iii.Protocol.Tests;

/// <summary>The exact bytes that go out.</summary>
public sealed class FramesTests
{
    private static readonly Guid Id = Guid.Parse("B7D0B2F4-4D0E-49D5-8B0C-9F7C3B1F2A10");

    [Fact]
    public void Hello() => Equal("""{"type":"workerregistered","worker_id":"w","reattach_token":"t"}""", Frames.WorkerRegistered("w", "t"));

    [Fact]
    public void Call() => Equal(
        """{"type":"invokefunction","invocation_id":"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10","function_id":"f","data":{"a":1},"metadata":{"m":1},"traceparent":"t","baggage":"b"}""",
        Frames.InvokeFunction(Id, "\"f\""u8, """{"a":1}"""u8, default, "\"t\""u8, "\"b\""u8, """{"m":1}"""u8));

    [Fact]
    public void Call_without_data() => Equal(
        """{"type":"invokefunction","invocation_id":"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10","function_id":"f","data":null}""",
        Frames.InvokeFunction(Id, "\"f\""u8, default, "\"w\""u8, default, default, default));

    [Fact]
    public void Answer_with_a_result() => Equal(
        """{"type":"invocationresult","invocation_id":"i","function_id":"f","result":[1],"traceparent":"t"}""",
        Frames.InvocationResult("\"i\""u8, "\"f\""u8, "[1]"u8, default, "\"t\""u8, default));

    [Fact]
    public void Error_goes_before_a_result() => Equal(
        """{"type":"invocationresult","invocation_id":"i","function_id":"f","error":{"code":"c","message":"m"}}""",
        Frames.InvocationResult("\"i\""u8, "\"f\""u8, "[1]"u8, """{"code":"c","message":"m"}"""u8, default, default));

    [Fact]
    public void Answer_without_a_value_has_neither_member() => Equal(
        """{"type":"invocationresult","invocation_id":"i","function_id":"f"}""",
        Frames.InvocationResult("\"i\""u8, "\"f\""u8, default, default, default, default));

    [Fact]
    public void Trigger_messages()
    {
        Equal(
            """{"type":"registertrigger","id":"T","trigger_type":"mailbox","function_id":"f\"","config":{"a":1}}""",
            Frames.RegisterTrigger("T", "mailbox", "f\"", """{"a":1}"""u8, default));
        Equal(
            """{"type":"registertrigger","id":"T","trigger_type":"mailbox","function_id":"f","config":null,"metadata":2}""",
            Frames.RegisterTrigger("T", "mailbox", "f", default, "2"u8));
        Equal("""{"type":"unregistertrigger","id":"T","trigger_type":"mailbox","function_id":"f"}""", Frames.UnregisterTrigger("T", "mailbox", "f"));
        Equal(
            """{"type":"triggerregistrationresult","id":"T","trigger_type":"mailbox","function_id":"f","error":{"code":"c","message":"m"}}""",
            Frames.TriggerRegistrationResult("T", "mailbox", "f", ErrorBody.Write("c", "m")));
    }

    [Fact]
    public void Pong() => Equal("""{"type":"pong"}""", Frames.Pong());

    private static void Equal(string expected, Frame frame)
    {
        Assert.Equal(expected, Encoding.UTF8.GetString(frame.Span));
        Assert.Equal(expected, Encoding.UTF8.GetString(frame.Memory.Span));
        frame.Return();
    }
}
