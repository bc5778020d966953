using Iii.Broker;
using Iii.Engine.Discovery;

namespace Iii.Engine.Modules.Queue;

/// <summary>Hands jobs to the broker.</summary>
internal sealed class JobProducer(IQueueBroker broker, QueueMetrics metrics)
{
    /// <summary>Bytes of payload that may be on their way to the broker. Beyond it jobs are refused until the broker has caught up.</summary>
    public const long MaxBytesUnderWay = 256L * 1024 * 1024;

    private const int Overhead = 1024;

    private long _bytesUnderWay;

    /// <summary>Enqueues a job.</summary>
    /// <param name="queue">The broker's queue.</param>
    /// <param name="payload">The payload, which does not change until the task is done.</param>
    /// <param name="headers">From <see cref="JobHeaders"/>.</param>
    /// <param name="options">What else is wished.</param>
    /// <exception cref="EngineFunctionException">The broker did not take it, or may not have.</exception>
    public async ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, ReadOnlyMemory<byte> payload, IReadOnlyDictionary<string, string> headers, EnqueueOptions options)
    {
        var size = payload.Length + Overhead;
        try
        {
            if (Interlocked.Add(ref _bytesUnderWay, size) > MaxBytesUnderWay)
            {
                throw Failed($"{MaxBytesUnderWay} bytes of jobs are on their way to the broker already; try again later");
            }

            var receipt = await broker.EnqueueAsync(queue, new QueueMessage(payload) { Headers = headers }, options);
            metrics.Enqueued();
            return receipt;
        }
        catch (BrokerException e)
        {
            throw Failed(e.Message);
        }
        catch (ObjectDisposedException)
        {
            throw Failed("the engine is shutting down");
        }
        finally
        {
            Interlocked.Add(ref _bytesUnderWay, -size);
        }
    }

    private static EngineFunctionException Failed(string problem) => new(QueueErrorCodes.EnqueueFailed, $"The job was not enqueued: {problem}");
}
