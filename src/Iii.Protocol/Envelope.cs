using System.Text.Json;

namespace Iii.Protocol;

/// <summary>
/// One received message: its type, and the members that any type may have, as slices of the frame.
/// </summary>
/// <remarks>
/// Reading is lenient (protocol §2.1): the order of members is free, unknown members and types are ignored, of
/// duplicate members the last one counts, and <c>null</c> for an optional member is the same as its absence. Only the top
/// level is looked at; <c>data</c>, <c>result</c> and the like are checked to be JSON and never decoded.
/// </remarks>
public ref struct Envelope
{
    /// <summary>The kind of message; <see cref="MessageType.Unknown"/> when <c>type</c> is missing or not known.</summary>
    public MessageType Type { get; private set; }

    /// <summary>The member <c>id</c>: of a function, a trigger, a trigger type or a service.</summary>
    public JsonSlice Id { get; private set; }

    /// <summary>The member <c>invocation_id</c>.</summary>
    public JsonSlice InvocationId { get; private set; }

    /// <summary>The member <c>function_id</c>.</summary>
    public JsonSlice FunctionId { get; private set; }

    /// <summary>The member <c>data</c>: the input of a call.</summary>
    public JsonSlice Data { get; private set; }

    /// <summary>The member <c>result</c>.</summary>
    public JsonSlice Result { get; private set; }

    /// <summary>The member <c>error</c>.</summary>
    public JsonSlice Error { get; private set; }

    /// <summary>The member <c>traceparent</c> (W3C Trace Context).</summary>
    public JsonSlice TraceParent { get; private set; }

    /// <summary>The member <c>baggage</c> (W3C Baggage).</summary>
    public JsonSlice Baggage { get; private set; }

    /// <summary>The member <c>metadata</c>.</summary>
    public JsonSlice Metadata { get; private set; }

    /// <summary>The member <c>action</c>: how a call is to be carried out.</summary>
    public JsonSlice Action { get; private set; }

    /// <summary>The member <c>trigger_type</c>.</summary>
    public JsonSlice TriggerType { get; private set; }

    /// <summary>The member <c>config</c> of a trigger.</summary>
    public JsonSlice Config { get; private set; }

    /// <summary>The member <c>description</c>.</summary>
    public JsonSlice Description { get; private set; }

    /// <summary>The member <c>name</c> of a service.</summary>
    public JsonSlice Name { get; private set; }

    /// <summary>The member <c>request_format</c> of a function.</summary>
    public JsonSlice RequestFormat { get; private set; }

    /// <summary>The member <c>response_format</c> of a function.</summary>
    public JsonSlice ResponseFormat { get; private set; }

    /// <summary>The member <c>trigger_request_format</c> of a trigger type: what its triggers' config looks like.</summary>
    public JsonSlice TriggerRequestFormat { get; private set; }

    /// <summary>The member <c>call_request_format</c> of a trigger type: what its triggers' functions are called with.</summary>
    public JsonSlice CallRequestFormat { get; private set; }

    /// <summary>The member <c>invocation</c> of a function: it is called over HTTP.</summary>
    public JsonSlice Invocation { get; private set; }

    /// <summary>The member <c>previous_worker_id</c>.</summary>
    public JsonSlice PreviousWorkerId { get; private set; }

    /// <summary>The member <c>worker_id</c>.</summary>
    public JsonSlice WorkerId { get; private set; }

    /// <summary>The member <c>reattach_token</c>.</summary>
    public JsonSlice ReattachToken { get; private set; }

    /// <summary>Reads a frame.</summary>
    /// <param name="frame">The whole message: UTF-8, one JSON object.</param>
    /// <param name="envelope">
    /// What could be read. On failure it holds the members before the defect, so that a call or an answer whose id came
    /// first can still be ended.
    /// </param>
    /// <param name="problem">What is wrong with the frame; null on success.</param>
    public static bool TryRead(ReadOnlySpan<byte> frame, out Envelope envelope, out string? problem)
    {
        envelope = default;
        problem = null;
        var reader = new Utf8JsonReader(frame, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                problem = "the message is not a JSON object";
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var member = MemberOf(ref reader);
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
                {
                    reader.Skip();
                }

                if (member != Member.Other)
                {
                    envelope.Set(member, new JsonSlice(frame[start..(int)reader.BytesConsumed]));
                }
            }

            // Reads past the closing brace: anything but white space is an error.
            reader.Read();
            return true;
        }
        catch (JsonException e)
        {
            problem = e.Message;
            return false;
        }
    }

    private enum Member
    {
        Other, Type, Id, InvocationId, FunctionId, Data, Result, Error, TraceParent, Baggage, Metadata, Action, TriggerType,
        Config, Description, Name, RequestFormat, ResponseFormat, Invocation, PreviousWorkerId, ReattachToken,
        TriggerRequestFormat, CallRequestFormat,
        WorkerId,
    }

    private static Member MemberOf(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped)
        {
            return MemberOf(reader.ValueSpan);
        }

        // A known name written with escapes is still that name; the longest is far shorter than this.
        Span<byte> name = stackalloc byte[256];
        return reader.TryCopyName(name, out var length) ? MemberOf(name[..length]) : Member.Other;
    }

    private static Member MemberOf(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 => name.SequenceEqual("id"u8) ? Member.Id : Member.Other,
        4 => name.SequenceEqual("type"u8) ? Member.Type
            : name.SequenceEqual("data"u8) ? Member.Data
            : name.SequenceEqual("name"u8) ? Member.Name : Member.Other,
        5 => name.SequenceEqual("error"u8) ? Member.Error : Member.Other,
        6 => name.SequenceEqual("result"u8) ? Member.Result
            : name.SequenceEqual("config"u8) ? Member.Config
            : name.SequenceEqual("action"u8) ? Member.Action : Member.Other,
        7 => name.SequenceEqual("baggage"u8) ? Member.Baggage : Member.Other,
        8 => name.SequenceEqual("metadata"u8) ? Member.Metadata : Member.Other,
        9 => name.SequenceEqual("worker_id"u8) ? Member.WorkerId : Member.Other,
        10 => name.SequenceEqual("invocation"u8) ? Member.Invocation : Member.Other,
        11 => name.SequenceEqual("function_id"u8) ? Member.FunctionId
            : name.SequenceEqual("traceparent"u8) ? Member.TraceParent
            : name.SequenceEqual("description"u8) ? Member.Description : Member.Other,
        12 => name.SequenceEqual("trigger_type"u8) ? Member.TriggerType : Member.Other,
        13 => name.SequenceEqual("invocation_id"u8) ? Member.InvocationId : Member.Other,
        14 => name.SequenceEqual("request_format"u8) ? Member.RequestFormat
            : name.SequenceEqual("reattach_token"u8) ? Member.ReattachToken : Member.Other,
        15 => name.SequenceEqual("response_format"u8) ? Member.ResponseFormat : Member.Other,
        18 => name.SequenceEqual("previous_worker_id"u8) ? Member.PreviousWorkerId : Member.Other,
        19 => name.SequenceEqual("call_request_format"u8) ? Member.CallRequestFormat : Member.Other,
        22 => name.SequenceEqual("trigger_request_format"u8) ? Member.TriggerRequestFormat : Member.Other,
        _ => Member.Other,
    };

    private void Set(Member member, JsonSlice value)
    {
        switch (member)
        {
            case Member.Type: Type = TypeOf(value); break;
            case Member.Id: Id = value; break;
            case Member.InvocationId: InvocationId = value; break;
            case Member.FunctionId: FunctionId = value; break;
            case Member.Data: Data = value; break;
            case Member.Result: Result = value; break;
            case Member.Error: Error = value; break;
            case Member.TraceParent: TraceParent = value; break;
            case Member.Baggage: Baggage = value; break;
            case Member.Metadata: Metadata = value; break;
            case Member.Action: Action = value; break;
            case Member.TriggerType: TriggerType = value; break;
            case Member.Config: Config = value; break;
            case Member.Description: Description = value; break;
            case Member.Name: Name = value; break;
            case Member.RequestFormat: RequestFormat = value; break;
            case Member.ResponseFormat: ResponseFormat = value; break;
            case Member.Invocation: Invocation = value; break;
            case Member.PreviousWorkerId: PreviousWorkerId = value; break;
            case Member.ReattachToken: ReattachToken = value; break;
            case Member.TriggerRequestFormat: TriggerRequestFormat = value; break;
            case Member.CallRequestFormat: CallRequestFormat = value; break;
            case Member.WorkerId: WorkerId = value; break;
            case Member.Other: break;
            default: throw new ArgumentOutOfRangeException(nameof(member), member, "no such member");
        }
    }

    private static MessageType TypeOf(JsonSlice value)
    {
        if (!value.IsString)
        {
            return MessageType.Unknown;
        }

        var name = value.Raw[1..^1];
        return name.Length switch
        {
            4 => name.SequenceEqual("ping"u8) ? MessageType.Ping
                : name.SequenceEqual("pong"u8) ? MessageType.Pong : MessageType.Unknown,
            8 => name.SequenceEqual("reattach"u8) ? MessageType.Reattach : MessageType.Unknown,
            14 => name.SequenceEqual("invokefunction"u8) ? MessageType.InvokeFunction : MessageType.Unknown,
            15 => name.SequenceEqual("registertrigger"u8) ? MessageType.RegisterTrigger
                : name.SequenceEqual("registerservice"u8) ? MessageType.RegisterService : MessageType.Unknown,
            16 => name.SequenceEqual("invocationresult"u8) ? MessageType.InvocationResult
                : name.SequenceEqual("registerfunction"u8) ? MessageType.RegisterFunction
                : name.SequenceEqual("workerregistered"u8) ? MessageType.WorkerRegistered : MessageType.Unknown,
            17 => name.SequenceEqual("unregistertrigger"u8) ? MessageType.UnregisterTrigger : MessageType.Unknown,
            18 => name.SequenceEqual("unregisterfunction"u8) ? MessageType.UnregisterFunction : MessageType.Unknown,
            19 => name.SequenceEqual("registertriggertype"u8) ? MessageType.RegisterTriggerType : MessageType.Unknown,
            21 => name.SequenceEqual("unregistertriggertype"u8) ? MessageType.UnregisterTriggerType : MessageType.Unknown,
            25 => name.SequenceEqual("triggerregistrationresult"u8) ? MessageType.TriggerRegistrationResult : MessageType.Unknown,
            _ => MessageType.Unknown,
        };
    }
}
