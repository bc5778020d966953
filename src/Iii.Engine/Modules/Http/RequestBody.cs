using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Iii.Engine.Modules.Http;

/// <summary>How the reading of a body ended.</summary>
internal enum BodyEnd
{
    Complete,
    TooLarge,
    TooSlow,
}

/// <summary>Reads a request's body whole.</summary>
internal sealed class RequestBody(int limit, TimeProvider time)
{
    /// <summary>Reads to the end of the body. On success the bytes stand in the reader, which the caller advances past them.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<(BodyEnd End, ReadResult Read)> ReadAsync(PipeReader reader, TimeSpan patience)
    {
        var first = reader.ReadAsync();
        if (first.IsCompletedSuccessfully)
        {
            // A small body has come with the head, as a rule.
            var read = first.Result;
            if (read.IsCompleted || read.Buffer.Length > limit)
            {
                return (read.Buffer.Length > limit ? BodyEnd.TooLarge : BodyEnd.Complete, read);
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            first = reader.ReadAsync();
        }

        await using var timer = time.CreateTimer(
            static state => ((PipeReader)state!).CancelPendingRead(),
            reader,
            patience > TimeSpan.Zero ? patience : TimeSpan.Zero,
            Timeout.InfiniteTimeSpan);
        for (var next = first; ; next = reader.ReadAsync())
        {
            var read = await next;
            if (read.IsCanceled || read.IsCompleted || read.Buffer.Length > limit)
            {
                return (read.IsCanceled ? BodyEnd.TooSlow : read.Buffer.Length > limit ? BodyEnd.TooLarge : BodyEnd.Complete, read);
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}
