using System.Net;

namespace Iii.Sdk.Tests.Support;

/// <summary>Requests to routes that were registered just now: the engine takes new routes up every few milliseconds.</summary>
internal static class Routes
{
    public static async Task<HttpResponseMessage> SendAsync(this HttpClient client, Func<HttpRequestMessage> request)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience.Limit);
        while (true)
        {
            using var message = request();
            var answer = await client.SendAsync(message, limit.Token);
            if (answer.StatusCode != HttpStatusCode.NotFound)
            {
                return answer;
            }

            answer.Dispose();
        }
    }

    public static async Task<string> TextAsync(this HttpClient client, Func<HttpRequestMessage> request)
    {
        using var answer = await client.SendAsync(request);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }
}
