namespace Iii.Engine.Discovery;

/// <summary>One provider's claim to a function, with what it says about it.</summary>
/// <param name="FunctionId">The function.</param>
/// <param name="Provider">Who carries it out.</param>
/// <param name="Owner">The registrant: registrations are removed by owner, never by id alone.</param>
/// <param name="Details">What is shown in lists.</param>
internal sealed record FunctionRegistration(string FunctionId, FunctionProvider Provider, object Owner, FunctionDetails Details);

/// <summary>A function's description for lists; the payload members are JSON as it came, or null.</summary>
/// <remarks><c>RegistrationError</c> is an error object that says why no call of it can succeed; null as a rule.</remarks>
internal sealed record FunctionDetails(
    string? Description = null,
    byte[]? RequestFormat = null,
    byte[]? ResponseFormat = null,
    byte[]? Metadata = null,
    byte[]? RegistrationError = null)
{
    public static readonly FunctionDetails None = new();
}
