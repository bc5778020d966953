using Iii.Engine.Configuration;

namespace Iii.Engine.Hosting;

/// <summary>
/// Reads the settings that one adapter has beyond those of all. It collects what is wrong, and <see cref="Check"/> reports all of it
/// together; a setting that nobody has asked for by then is unknown.
/// </summary>
/// <param name="options">What was configured.</param>
public sealed class BrokerSettings(BrokerOptions options)
{
    private static readonly string[] CommonKeys = ["adapter", "url", "connect_timeout_ms"];

    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly List<string> _problems = [];

    /// <summary>The URL, which this adapter needs; empty when it is missing.</summary>
    /// <param name="example">What one looks like, for the message.</param>
    public string Url(string example)
    {
        if (string.IsNullOrEmpty(options.Url))
        {
            _problems.Add($"{options.Section}.url: the adapter '{options.Adapter}' needs one; write it as {example}");
        }

        return options.Url ?? "";
    }

    /// <summary>A text.</summary>
    /// <param name="name">The setting as in the file.</param>
    /// <param name="fallback">What stands in for one that is not set.</param>
    public string Text(string name, string fallback) => Find(name) ?? fallback;

    /// <summary>A whole number.</summary>
    /// <param name="name">The setting as in the file.</param>
    /// <param name="fallback">What stands in for one that is not set.</param>
    /// <param name="minimum">The least that makes sense.</param>
    /// <param name="maximum">The most that makes sense.</param>
    public int Number(string name, int fallback, int minimum = 0, int maximum = int.MaxValue)
    {
        if (Find(name) is not { } text)
        {
            return fallback;
        }

        if (CoreSchema.KindOf(text) == ScalarKind.Integer
            && CoreSchema.TryReadInteger(text, out var value) && value >= minimum && value <= maximum)
        {
            return (int)value;
        }

        _problems.Add($"{options.Section}.{name}: expected a whole number from {minimum} to {maximum}, got {DisplayText.Quote(text)}");
        return fallback;
    }

    /// <summary>A time, which the file has in milliseconds.</summary>
    /// <param name="name">The setting as in the file; it ends in <c>_ms</c>.</param>
    /// <param name="fallback">What stands in for one that is not set.</param>
    /// <param name="minimum">The least that makes sense, in milliseconds.</param>
    public TimeSpan Milliseconds(string name, TimeSpan fallback, int minimum = 1) =>
        TimeSpan.FromMilliseconds(Number(name, (int)fallback.TotalMilliseconds, minimum));

    /// <summary>Reports what is wrong; to be called when all settings have been asked for.</summary>
    /// <exception cref="EngineStartException">Something is wrong; the message has all of it.</exception>
    public void Check()
    {
        foreach (var name in options.Settings.Keys.Where(name => !_known.Contains(name)).Order(StringComparer.Ordinal))
        {
            _problems.Add(KeyMessages.Unknown($"{options.Section} (adapter '{options.Adapter}')", name, [.. CommonKeys, .. _known]));
        }

        if (_problems.Count > 0)
        {
            throw new EngineStartException(string.Join("\n", _problems), inner: null);
        }
    }

    private string? Find(string name)
    {
        _known.Add(name);
        return options.Settings.GetValueOrDefault(name);
    }
}
