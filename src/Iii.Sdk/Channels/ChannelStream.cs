namespace Iii.Sdk.Channels;

/// <summary>What the streams over both ends of a channel have in common: they cannot seek, and wait without blocking only.</summary>
internal abstract class ChannelStream : Stream
{
    private const string NoWaiting = "A channel can only be used asynchronously.";

    public override bool CanSeek => false;

    public override bool CanRead => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException(NoWaiting);

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException(NoWaiting);
}
