using Iii.Engine.Channels;
using Iii.Engine.Discovery;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Modules.Http;

/// <summary>
/// Decides what becomes the response of a function that may be streaming: the result and the response channel travel on
/// different sockets, so either may overtake the other.
/// </summary>
/// <remarks>
/// A binary message, or the orderly end of the channel, makes a streamed response. A result with a value, or an error, ends the
/// race too, and what the channel has said so far is dropped. A result without a value says that the function is done, not
/// what it streamed: the channel is waited for, but only a grace long if the function has not opened it.
/// </remarks>
internal sealed class ResponseRace(TimeSpan grace, TimeProvider time)
{
    /// <summary>Waits for the decision.</summary>
    /// <param name="context">The request.</param>
    /// <param name="call">The call.</param>
    /// <param name="channel">The response channel.</param>
    /// <param name="deadline">Until when a head must be there, on the module's clock.</param>
    /// <exception cref="OperationCanceledException">The client has left.</exception>
    public async ValueTask<RequestOutcome> RunAsync(HttpContext context, RequestCall call, MessageChannel channel, long deadline)
    {
        var control = new ResponseControl();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var clientLeft = Task.Delay(Timeout.InfiniteTimeSpan, stop.Token);
        Task? timedOut = null;
        Task? graceOver = null;
        try
        {
            while (true)
            {
                // What has come is looked at before the channel is: so a message that is there beats a result that is there.
                var ending = channel.Ending;
                var hasResult = call.TryGetResult(out var result);
                while (channel.TryRead(out var message))
                {
                    if (!message.IsText)
                    {
                        return new RequestOutcome(RequestEnd.Streamed, Stream: new ResponseStart(control, message));
                    }

                    control.Apply(message);
                    message.Return();
                }

                if (ending == ChannelEnding.Completed)
                {
                    return new RequestOutcome(RequestEnd.Streamed, Stream: new ResponseStart(control, null));
                }

                if (hasResult)
                {
                    if (result.IsError || !result.Value.IsEmpty)
                    {
                        return new RequestOutcome(RequestEnd.Called, result);
                    }

                    if (ending == ChannelEnding.Lost)
                    {
                        return new RequestOutcome(RequestEnd.ResponseLost);
                    }

                    timedOut ??= Task.Delay(Remaining(deadline), time, stop.Token);
                    graceOver ??= OpensChannels(call.Function) ? Task.Delay(grace, time, stop.Token) : Task.CompletedTask;
                    if (graceOver.IsCompletedSuccessfully && !channel.IsWriterClaimed)
                    {
                        return new RequestOutcome(RequestEnd.Called, result);
                    }

                    if (timedOut.IsCompletedSuccessfully)
                    {
                        return new RequestOutcome(RequestEnd.TimedOut);
                    }
                }

                context.RequestAborted.ThrowIfCancellationRequested();
                await Task.WhenAny(Events());

                IEnumerable<Task> Events()
                {
                    yield return clientLeft;
                    if (ending == ChannelEnding.None)
                    {
                        yield return channel.WaitToReadAsync().AsTask();
                    }

                    if (!hasResult)
                    {
                        yield return call.ResultAsync();
                        yield break;
                    }

                    yield return timedOut!;
                    if (!graceOver!.IsCompleted)
                    {
                        yield return graceOver;
                    }
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
        }
    }

    /// <summary>Whether some provider of the function has an SDK that knows channels; the others' functions have answered for good.</summary>
    private static bool OpensChannels(FunctionPool? function)
    {
        if (function?.Providers is not { All.IsEmpty: false } providers)
        {
            return true;
        }

        foreach (var registration in providers.All)
        {
            if (registration.Provider.OpensChannels)
            {
                return true;
            }
        }

        return false;
    }

    private TimeSpan Remaining(long deadline)
    {
        var remaining = time.GetElapsedTime(time.GetTimestamp(), deadline);
        return remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero;
    }
}
