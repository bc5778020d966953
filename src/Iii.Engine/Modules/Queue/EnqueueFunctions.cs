using Iii.Engine.Discovery;
using Iii.Protocol;

namespace Iii.Engine.Modules.Queue;

/// <summary>The functions that put a message into a topic.</summary>
internal sealed class EnqueueFunctions(JobProducer producer)
{
    private const string Description = "Puts a message into a topic of the queues";

    public void AddTo(EngineFunctions engine)
    {
        engine.Add("enqueue", Description, EnqueueAsync);
        engine.Add("iii::durable::publish", Description, EnqueueAsync);
    }

    private async ValueTask<ReadOnlyMemory<byte>> EnqueueAsync(EngineCall call, CancellationToken cancellation)
    {
        var input = EnqueueInput.Read(call);
        var headers = JobHeaders.Write(null, new JsonSlice(call.TraceParent.Span), new JsonSlice(call.Baggage.Span));
        var receipt = await producer.EnqueueAsync(QueueNames.OfTopic(input.Topic), input.Data, headers, input.Options);
        return input.WantsReceipt ? JobReceipt.Write(receipt.MessageId) : default;
    }
}
