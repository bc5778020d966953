using System.Text.Json;
using Iii.Broker;
using Iii.Engine.Discovery;
using Iii.Protocol;

namespace Iii.Engine.Modules.Queue;

/// <summary>The input of <c>enqueue</c>, read in one pass. The payload stays as it came.</summary>
internal readonly struct EnqueueInput
{
    private const long MaxMilliseconds = 366L * 24 * 60 * 60 * 1_000;

    /// <summary>The topic.</summary>
    public required string Topic { get; init; }

    /// <summary>The payload: one JSON value, a part of the input's bytes.</summary>
    public required ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>What else is wished.</summary>
    public required EnqueueOptions Options { get; init; }

    /// <summary>Whether the result is to be the receipt, by which the message can be cancelled.</summary>
    public required bool WantsReceipt { get; init; }

    /// <summary>Reads an input.</summary>
    /// <exception cref="EngineFunctionException">It cannot be read, or its topic is empty.</exception>
    public static EnqueueInput Read(EngineCall call)
    {
        var fields = default(Fields);
        var reader = new Utf8JsonReader(call.Data.Span, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw EngineFunctions.Unreadable(call, "a JSON object with 'topic' and 'data' was expected");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                fields.Read(call, ref reader);
            }
        }
        catch (JsonException e)
        {
            throw EngineFunctions.Unreadable(call, e.Message);
        }

        return fields.ToInput(call);
    }

    private ref struct Fields
    {
        private string? _topic;
        private Range? _data;
        private string? _group;
        private string? _deduplicationKey;
        private long? _delay;
        private long? _window;
        private long _priority;
        private bool _wantsReceipt;

        public void Read(EngineCall call, ref Utf8JsonReader reader)
        {
            if (reader.NameIs("topic"u8))
            {
                _topic = Text(call, ref reader, "topic", isRequired: true);
            }
            else if (reader.NameIs("data"u8))
            {
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                _data = start..(int)reader.BytesConsumed;
            }
            else if (reader.NameIs("group"u8))
            {
                _group = Text(call, ref reader, "group");
            }
            else if (reader.NameIs("dedup_key"u8))
            {
                _deduplicationKey = Text(call, ref reader, "dedup_key");
            }
            else if (reader.NameIs("delay_ms"u8))
            {
                _delay = Number(call, ref reader, "delay_ms", MaxMilliseconds) ?? _delay;
            }
            else if (reader.NameIs("delay_seconds"u8))
            {
                _delay = Number(call, ref reader, "delay_seconds", MaxMilliseconds / 1_000) * 1_000 ?? _delay;
            }
            else if (reader.NameIs("dedup_window_ms"u8))
            {
                _window = Number(call, ref reader, "dedup_window_ms", MaxMilliseconds);
            }
            else if (reader.NameIs("priority"u8))
            {
                _priority = Number(call, ref reader, "priority", BrokerLimits.MaxPriority) ?? 0;
            }
            else if (reader.NameIs("receipt"u8))
            {
                _wantsReceipt = Boolean(call, ref reader, "receipt");
            }
            else
            {
                reader.Skip();
            }
        }

        public readonly EnqueueInput ToInput(EngineCall call)
        {
            if (_topic is null)
            {
                throw EngineFunctions.Unreadable(call, "the string 'topic' is missing");
            }

            if (_topic.Length == 0)
            {
                throw new EngineFunctionException(QueueErrorCodes.TopicNotSet, "Topic is not set");
            }

            if (_data is not { } data)
            {
                throw EngineFunctions.Unreadable(call, "'data' is missing; it may be null");
            }

            var window = _window is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : EnqueueOptions.DefaultDeduplicationWindow;
            if (window < EnqueueOptions.MinDeduplicationWindow)
            {
                throw EngineFunctions.Unreadable(call, $"'dedup_window_ms' must be at least {EnqueueOptions.MinDeduplicationWindow.TotalMilliseconds}");
            }

            var isPlain = _group is null && _deduplicationKey is null && _delay is null && _priority == 0;
            return new EnqueueInput
            {
                Topic = _topic,
                Data = call.Data[data],
                WantsReceipt = _wantsReceipt,
                Options = isPlain ? EnqueueOptions.None : new EnqueueOptions
                {
                    OrderingKey = _group,
                    DeduplicationKey = _deduplicationKey,
                    DeduplicationWindow = window,
                    Delay = TimeSpan.FromMilliseconds(_delay ?? 0),
                    Priority = (int)_priority,
                },
            };
        }

        private static string? Text(EngineCall call, ref Utf8JsonReader reader, string name, bool isRequired = false)
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null && !isRequired)
            {
                return null;
            }

            try
            {
                return reader.TokenType == JsonTokenType.String ? reader.GetString() : throw Wrong(call, name, "a string");
            }
            catch (InvalidOperationException)
            {
                throw Wrong(call, name, "valid text");
            }
        }

        private static long? Number(EngineCall call, ref Utf8JsonReader reader, string name, long maximum)
        {
            reader.Read();
            return reader.TokenType == JsonTokenType.Null ? null
                : reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var value) && value >= 0 && value <= maximum ? value
                : throw Wrong(call, name, $"a whole number from 0 to {maximum}");
        }

        private static bool Boolean(EngineCall call, ref Utf8JsonReader reader, string name)
        {
            reader.Read();
            return reader.TokenType switch
            {
                JsonTokenType.True => true,
                JsonTokenType.False or JsonTokenType.Null => false,
                _ => throw Wrong(call, name, "true or false"),
            };
        }

        private static EngineFunctionException Wrong(EngineCall call, string name, string wanted) =>
            EngineFunctions.Unreadable(call, $"'{name}' must be {wanted}");
    }
}
