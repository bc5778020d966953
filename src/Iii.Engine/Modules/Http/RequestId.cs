using Iii.Engine.Invocations;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Modules.Http;

/// <summary>The id that follows a request through logs and services, in a header of the operator's choice.</summary>
internal static class RequestId
{
    /// <summary>The longest id that is taken over from a client.</summary>
    public const int MaxLength = 128;

    /// <summary>Sees to it that the request carries an id: the client's if it is sane, else a new one.</summary>
    public static void Ensure(IHeaderDictionary headers, string header)
    {
        var given = headers[header];
        if (given.Count != 1 || !IsSane(given[0]))
        {
            headers[header] = DispatchIds.Next().ToString();
        }
    }

    private static bool IsSane(ReadOnlySpan<char> id) =>
        id.Length is > 0 and <= MaxLength && id.IndexOfAnyExceptInRange('!', '~') < 0;
}
