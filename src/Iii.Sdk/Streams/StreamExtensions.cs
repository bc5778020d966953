namespace Iii.Sdk;

/// <summary>Streams whose items a worker keeps.</summary>
public static class StreamExtensions
{
    /// <summary>Takes a stream over: the engine asks these handlers instead of its own store.</summary>
    /// <param name="worker">The worker that keeps the items.</param>
    /// <param name="name">The stream.</param>
    /// <param name="handlers">What answers.</param>
    /// <returns>Dispose of it to give the stream back to the engine.</returns>
    public static IiiRegistration RegisterStream(this IiiWorker worker, string name, StreamHandlers handlers)
    {
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(handlers);
        IiiRegistration[] functions =
        [
            worker.RegisterRawFunction($"stream::get({name})", handlers.Get),
            worker.RegisterRawFunction($"stream::set({name})", handlers.Set),
            worker.RegisterRawFunction($"stream::delete({name})", handlers.Delete),
            worker.RegisterRawFunction($"stream::list({name})", handlers.List),
            worker.RegisterRawFunction($"stream::list_groups({name})", handlers.ListGroups),
        ];
        return new IiiRegistration(name, () =>
        {
            foreach (var function in functions)
            {
                function.Dispose();
            }
        });
    }
}
