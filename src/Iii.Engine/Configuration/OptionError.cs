using System.Numerics;

namespace Iii.Engine.Configuration;

/// <summary>One value of an options record that cannot be used.</summary>
/// <param name="Path">
/// Where the value is below the options, spelled as in the file: <c>port</c>, <c>cors.allowed_origins[1]</c>.
/// </param>
/// <param name="Message">What is wrong with it, with the value, and what to write instead.</param>
public sealed record OptionError(string Path, string Message)
{
    internal static IEnumerable<OptionError> Unless(bool isUsable, string path, string message)
    {
        if (!isUsable)
        {
            yield return new OptionError(path, message);
        }
    }

    internal static IEnumerable<OptionError> Range<T>(string path, T value, T minimum, T maximum)
        where T : INumber<T> =>
        Unless(
            value >= minimum && value <= maximum, path, $"{value} is out of range; write a number from {minimum} to {maximum}");

    internal static IEnumerable<OptionError> Minimum<T>(string path, T value, T minimum)
        where T : INumber<T> =>
        Unless(value >= minimum, path, $"{value} is out of range; write {minimum} or more");

    internal static IEnumerable<OptionError> Host(string path, string host) =>
        Unless(
            host.Length > 0 && !host.AsSpan().ContainsAny(" \t\r\n/"),
            path,
            $"{DisplayText.Quote(host)} is not an address to listen on; write an IP address such as '0.0.0.0' or a host name");
}
