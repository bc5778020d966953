using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Gateways;

/// <summary>An answer to a request on the worker port that is not upgraded: a status, and a line for people.</summary>
internal static class Refusal
{
    public static async Task SendAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(text);
    }
}
