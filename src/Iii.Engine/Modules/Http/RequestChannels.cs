using System.Buffers;
using System.IO.Pipelines;
using Iii.Engine.Channels;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Modules.Http;

/// <summary>
/// The two channels of one request: its body, which the function may read, and its response, which the function may write.
/// </summary>
/// <remarks>
/// Most functions open neither, so nothing is copied before somebody does: a JSON body stays where the server has put it until
/// the request ends, and any other body is not even read.
/// The object is its own lock, to spare a second one.
/// </remarks>
internal sealed class RequestChannels
{
    private const int PieceSize = 64 * 1024;

    private readonly HttpContext _context;
    private ReadOnlySequence<byte> _json;
    private Task? _pump;
    private bool _hasJson;
    private bool _isOver;

    public RequestChannels(ChannelDirectory directory, HttpContext context)
    {
        _context = context;
        Directory = directory;
        RequestBody = directory.CreateFor(ChannelDirection.Read);
        Response = directory.CreateFor(ChannelDirection.Write);
    }

    public ChannelDirectory Directory { get; }

    /// <summary>What the engine writes and the function may read.</summary>
    public MessageChannel RequestBody { get; }

    /// <summary>What the function may write and the engine reads.</summary>
    public MessageChannel Response { get; }

    /// <summary>The request has no body.</summary>
    public void OfferNothing() => RequestBody.Complete(ChannelEnding.Completed);

    /// <summary>The request has a body that has been read whole, and that stands in its reader until the request ends.</summary>
    public void OfferJson(ReadOnlySequence<byte> json)
    {
        _json = json;
        _hasJson = true;
        RequestBody.OnClaimed(static state => ((RequestChannels)state).BodyOpened(), this);
    }

    /// <summary>The request has a body that is read when the function reads it.</summary>
    public void OfferStream() => RequestBody.OnClaimed(static state => ((RequestChannels)state).BodyOpened(), this);

    /// <summary>Tells the call when the function begins to stream.</summary>
    public void Announce(RequestCall call) => Response.OnClaimed(static state => ((RequestCall)state).ChannelOpened(), call);

    /// <summary>
    /// The response is done. A channel that nobody has opened is gone from now on; a body that is being read is read on for as
    /// long as the function wants it, though not longer than <paramref name="patience"/>.
    /// </summary>
    public ValueTask EndAsync(TimeSpan patience, TimeProvider time)
    {
        if (!Response.TryWithdraw())
        {
            Response.CloseReader();
        }

        Task? pump;
        lock (this)
        {
            _isOver = true;
            pump = _pump;
        }

        if (pump is not null)
        {
            return FinishAsync(pump, patience, time);
        }

        if (!RequestBody.TryWithdraw())
        {
            RequestBody.Complete(ChannelEnding.Lost);
        }

        if (_hasJson)
        {
            _context.Request.BodyReader.AdvanceTo(_json.End);
        }

        return default;
    }

    private void BodyOpened()
    {
        lock (this)
        {
            if (_isOver)
            {
                return;
            }

            if (_hasJson)
            {
                WriteJson();
            }
            else
            {
                _pump = PumpAsync(_context.Request.BodyReader);
            }
        }
    }

    // All of it is in memory, and bounded by the limit for JSON bodies.
    private void WriteJson()
    {
        for (var rest = _json; !rest.IsEmpty;)
        {
            var piece = rest.Slice(0, Math.Min(rest.Length, PieceSize));
            RequestBody.WriteUnbounded(ChannelMessage.CopyOf(piece));
            rest = rest.Slice(piece.End);
        }

        RequestBody.Complete(ChannelEnding.Completed);
    }

    private async Task PumpAsync(PipeReader reader)
    {
        var ending = ChannelEnding.Lost;
        try
        {
            // A client that leaves while the function is slow to read is noticed here, not at the next read.
            await using var registration = _context.RequestAborted.UnsafeRegister(
                static state => ((MessageChannel)state!).Complete(ChannelEnding.Lost), RequestBody);
            while (true)
            {
                var read = await reader.ReadAsync();
                var rest = read.Buffer;
                while (!rest.IsEmpty)
                {
                    var piece = rest.Slice(0, Math.Min(rest.Length, PieceSize));
                    if (!await RequestBody.WriteAsync(ChannelMessage.CopyOf(piece)))
                    {
                        reader.AdvanceTo(rest.Start);
                        return;
                    }

                    rest = rest.Slice(piece.End);
                }

                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted || read.IsCanceled)
                {
                    ending = read.IsCanceled ? ChannelEnding.Lost : ChannelEnding.Completed;
                    return;
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The client has left in the middle of its body, or has sent one that is none: the function sees the channel break off.
        }
        finally
        {
            RequestBody.Complete(ending);
        }
    }

    private async ValueTask FinishAsync(Task pump, TimeSpan patience, TimeProvider time)
    {
        if (pump.IsCompleted)
        {
            return;
        }

        try
        {
            // The client need not wait for its response until its body is through.
            await _context.Response.CompleteAsync();
            await pump.WaitAsync(patience, time);
        }
        catch (Exception e) when (e is TimeoutException or IOException or OperationCanceledException)
        {
            RequestBody.Complete(ChannelEnding.Lost);
            _context.Request.BodyReader.CancelPendingRead();
            await pump;
        }
    }
}
