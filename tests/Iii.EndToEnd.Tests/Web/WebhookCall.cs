using System.Collections.Specialized;
using System.Text.Json;

namespace Iii.EndToEnd.Tests.Web;

/// <summary>One request that a server got.</summary>
internal sealed record WebhookCall(string Method, string Path, NameValueCollection Headers, JsonElement Body);
