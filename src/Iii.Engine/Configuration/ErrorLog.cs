namespace Iii.Engine.Configuration;

/// <summary>Collects what is wrong with one file, so that all of it is reported together.</summary>
internal sealed class ErrorLog(SourceText source)
{
    /// <summary>
    /// Errors beyond this many are counted, not kept: nobody reads them, and a generated file could have one per byte.
    /// </summary>
    public const int MaxKept = 100;

    private readonly List<(int Offset, string Message)> _errors = [];
    private readonly List<(int Offset, string Message)> _warnings = [];
    private int _dropped;

    public bool HasErrors => _errors.Count > 0;

    public SourceText Source => source;

    public void Error(int offset, string message)
    {
        if (_errors.Count < MaxKept)
        {
            _errors.Add((offset, message));
        }
        else
        {
            _dropped++;
        }
    }

    public void Warn(int offset, string message)
    {
        if (_warnings.Count < MaxKept)
        {
            _warnings.Add((offset, message));
        }
    }

    public ConfigurationResult ToResult(EngineConfiguration? configuration)
    {
        var errors = InFileOrder(_errors);
        if (_dropped > 0)
        {
            errors.Add(new ConfigurationError(source.File, 0, 0, $"and {_dropped} more errors"));
        }

        return new ConfigurationResult(configuration, errors, InFileOrder(_warnings));
    }

    // An alias leads to the same place by several paths, so equal messages at one place are one.
    private List<ConfigurationError> InFileOrder(List<(int Offset, string Message)> entries) =>
        [.. entries.Distinct().OrderBy(entry => entry.Offset).Select(entry => source.ErrorAt(entry.Offset, entry.Message))];
}
