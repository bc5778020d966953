using System.Reflection;

namespace Iii.EndToEnd.Tests;

/// <summary>Where things lie in the working copy that these tests were built from.</summary>
internal static class Repository
{
    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The configuration that these tests, and so the engine, were built in.</summary>
    private static string BuildConfiguration =>
        typeof(Repository).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    /// <summary>The engine's command; <c>III_EXECUTABLE</c> names another one, such as a natively compiled one.</summary>
    public static string EngineExecutable
    {
        get
        {
            var path = Environment.GetEnvironmentVariable("III_EXECUTABLE")
                ?? Path.Combine(Root, "src", "Iii.Cli", "bin", BuildConfiguration, "net10.0", "iii");
            return File.Exists(path) ? path : throw new InvalidOperationException($"There is no engine at {path}. Build Iii.sln first.");
        }
    }

    /// <summary>The folder of the npm packages and the workers that use them.</summary>
    public static string NodeFolder { get; } = Path.Combine(Root, "tests", "Iii.EndToEnd.Tests", "node");

    /// <summary>The folder for the logs of the test that runs now.</summary>
    public static string LogFolder
    {
        get
        {
            var test = TestContext.Current;
            var name = string.Join('.', new[] { test.TestClass?.TestClassSimpleName, test.TestMethod?.MethodName }.Where(part => part is not null));
            var folder = Path.Combine(Root, "artifacts", "end-to-end", name.Length > 0 ? name : "other");
            Directory.CreateDirectory(folder);
            return folder;
        }
    }

    /// <summary>The folder with one published SDK, under its alias.</summary>
    public static string SdkFolder(string version)
    {
        var folder = Path.Combine(NodeFolder, "node_modules", $"sdk-{version}");
        return Directory.Exists(folder)
            ? folder
            : throw new InvalidOperationException(
                $"The npm package iii-sdk {version} is not installed ({folder} is missing). Run `npm ci` in {NodeFolder}, or ./test.sh.");
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Iii.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No Iii.sln above {AppContext.BaseDirectory}: these tests run inside a working copy.");
    }
}
