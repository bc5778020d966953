using Iii.Engine.Configuration;

namespace Iii.Engine.Tests.Configuration;

/// <summary>Loads text with an environment that a test gives, never with that of the machine.</summary>
internal static class Configured
{
    public static ConfigurationResult Load(string text, params (string Name, string Value)[] environment) =>
        ConfigurationLoader.LoadText("config.yaml", text, name =>
            environment.Where(variable => variable.Name == name).Select(variable => variable.Value).FirstOrDefault());

    public static EngineConfiguration Valid(string text, params (string Name, string Value)[] environment)
    {
        var result = Load(text, environment);
        Assert.Equal("", string.Join("\n", result.Errors));
        return result.Configuration!;
    }

    public static ConfigurationError Error(string text, params (string Name, string Value)[] environment)
    {
        var result = Load(text, environment);
        Assert.False(result.IsValid);
        return Assert.Single(result.Errors);
    }

    /// <summary>All errors as <c>line:column</c> and message.</summary>
    public static string[] Errors(string text, params (string Name, string Value)[] environment) =>
        [.. Load(text, environment).Errors.Select(error => $"{error.Line}:{error.Column} {error.Message}")];

    /// <summary>A file with one HTTP module, its config given as a flow mapping or as lines of six blanks.</summary>
    public static string Http(string config) => $"modules:\n  - class: modules::api::RestApiModule\n    config:{config}\n";

    public static string Worker(string config) => $"modules:\n  - class: modules::worker::WorkerModule\n    config:{config}\n";
}
