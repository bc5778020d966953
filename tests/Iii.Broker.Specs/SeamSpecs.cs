using Xunit;

namespace Iii.Broker.Specs;

/// <summary>What the contract suites have in common. Do not derive from it; derive from the suite of your seam.</summary>
public abstract class SeamSpecs<TSeam> : IAsyncDisposable
    where TSeam : class, IBrokerSeam
{
    private readonly List<SpecSubject<TSeam>> _subjects = [];

    /// <summary>The bounds that a case asks for when it is not about others: small, so that they can be reached.</summary>
    protected static BrokerLimits SmallLimits { get; } = new()
    {
        MaxFrameBytes = 64 * 1024,
        MaxBufferedFrames = 64,
        MaxMessageBytes = 1024 * 1024,
        MaxQueueLength = 100,
        MaxDelay = TimeSpan.FromHours(1),
        MaxDeduplicationWindow = TimeSpan.FromHours(1),
        MaxValueBytes = 64 * 1024,
        MaxStateEntries = 100,
        MaxNames = 100,
    };

    /// <summary>The token of the running test.</summary>
    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Disposes what the case has opened. Override it to close, after that, what the factory needed besides.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        foreach (var subject in _subjects)
        {
            await subject.Seam.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// The one thing an adapter's author writes: makes one more instance of the adapter. What one test object makes meets in one
    /// world; different test objects must not meet: give each a prefix, a virtual host or a file of its own.
    /// </summary>
    /// <param name="limits">To be applied as given.</param>
    protected abstract ValueTask<SpecSubject<TSeam>> CreateAsync(BrokerLimits limits);

    /// <summary>Makes an instance, and fails when the factory does not.</summary>
    protected ValueTask<SpecSubject<TSeam>> OpenSubjectAsync() => OpenSubjectAsync(SmallLimits);

    /// <summary>Likewise, with other bounds.</summary>
    protected async ValueTask<SpecSubject<TSeam>> OpenSubjectAsync(BrokerLimits limits)
    {
        var subject = await CreateAsync(limits);
        Assert.True(subject?.Seam is not null, $"{GetType().Name}.CreateAsync returned null: a suite without an adapter must not be green.");
        Assert.True(subject.CutOffAsync is not null, $"{GetType().Name}.CreateAsync returned no way to cut the instance off.");
        _subjects.Add(subject);
        Assert.Equal(limits, subject.Seam.Limits);
        return subject;
    }

    /// <summary>Makes an instance.</summary>
    protected async ValueTask<TSeam> OpenAsync() => (await OpenSubjectAsync()).Seam;

    /// <summary>
    /// Makes a second instance beside the first; null when the adapter does not declare <see cref="BrokerFeatures.Shared"/>, after
    /// checking that it then refuses a second one.
    /// </summary>
    protected async ValueTask<TSeam?> OpenSecondAsync(TSeam first)
    {
        ArgumentNullException.ThrowIfNull(first);
        if (first.Features.HasFlag(BrokerFeatures.Shared))
        {
            return await OpenAsync();
        }

        await Assert.ThrowsAsync<BrokerException>(async () => await OpenAsync());
        return null;
    }

    /// <summary>A name that nobody else uses.</summary>
    protected static string Unique(string what) => $"{what}-{Guid.NewGuid():N}";

    /// <summary>Bytes of a text.</summary>
    protected static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    /// <summary>Text of bytes.</summary>
    protected static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);

    /// <summary>Checks that a call fails with the contract's exception and code, and a message that helps.</summary>
    protected static async Task RefusesAsync(string code, Func<Task> call)
    {
        var exception = await Assert.ThrowsAsync<BrokerException>(call);
        Assert.Equal(code, exception.Code);
        Assert.True(exception.Message.Length > 20, $"'{exception.Message}' says too little.");
    }

    /// <summary>Waits until a call fails with a code: for what an adapter notices only after a moment.</summary>
    protected static Task SoonRefusesAsync(string code, Func<Task> call) =>
        Eventually.HoldsAsync($"refused with {code}", async () =>
        {
            try
            {
                await call();
                return false;
            }
            catch (BrokerException exception) when (exception.Code == code)
            {
                return true;
            }
        });
}
