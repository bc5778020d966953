namespace Iii.Adapters.RabbitMq.Connections;

/// <summary>Lets out of a member of a seam what the contract knows, and nothing else.</summary>
internal static class Guarding
{
    /// <param name="what">What the broker was asked to do, for the message.</param>
    /// <param name="ask">The asking.</param>
    /// <param name="cancellationToken">The caller's own.</param>
    public static async Task<T> AskAsync<T>(string what, Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Exception exception) when (LinkErrors.IsFailure(exception))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw LinkErrors.Unavailable($"RabbitMQ did not {what}", exception);
        }
    }

    /// <inheritdoc cref="AskAsync{T}"/>
    public static Task AskAsync(string what, Func<Task> ask, CancellationToken cancellationToken) => AskAsync(
        what,
        async () =>
        {
            await ask().ConfigureAwait(false);
            return true;
        },
        cancellationToken);
}
