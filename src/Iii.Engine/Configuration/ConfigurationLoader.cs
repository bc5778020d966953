using System.Text;
using Iii.Engine.Hosting;

namespace Iii.Engine.Configuration;

/// <summary>Reads the configuration of an engine instance from YAML.</summary>
/// <remarks>
/// Wrong configuration is a value, never an exception, and all that is wrong is reported together. The members may be called from
/// any thread.
/// </remarks>
public static class ConfigurationLoader
{
    /// <summary>The file that is read from the working directory when the user names none.</summary>
    public const string DefaultFile = "config.yaml";

    /// <summary>Longest file that is read, in bytes: 1 MiB. A longer one is an error.</summary>
    public const int MaxFileBytes = 1024 * 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Loads a file, with the environment of this process.</summary>
    /// <param name="path">
    /// The file the user named; it must exist. Null when none was named: then <see cref="DefaultFile"/> is read, and where there
    /// is no such file the result is <see cref="EngineConfiguration.Defaults"/>, with the broker that the environment names
    /// (see <see cref="BrokerOptions"/>).
    /// </param>
    /// <param name="adapters">The adapters of the host, which a module's <c>adapter</c> may name; null for none.</param>
    /// <returns>The configuration, or all that is wrong with it.</returns>
    public static ConfigurationResult Load(string? path, IReadOnlyList<IBrokerAdapter>? adapters = null) =>
        Load(path, Environment.GetEnvironmentVariable, adapters);

    /// <summary>Loads a file.</summary>
    /// <param name="path">As in <see cref="Load(string?, IReadOnlyList{IBrokerAdapter}?)"/>.</param>
    /// <param name="environment">Gives the value of an environment variable; null when it is not set.</param>
    /// <param name="adapters">As in <see cref="Load(string?, IReadOnlyList{IBrokerAdapter}?)"/>.</param>
    /// <returns>The configuration, or all that is wrong with it.</returns>
    public static ConfigurationResult Load(
        string? path, Func<string, string?> environment, IReadOnlyList<IBrokerAdapter>? adapters = null)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var file = path ?? DefaultFile;
        string text;
        try
        {
            var bytes = ReadAtMost(file, MaxFileBytes + 1);
            if (bytes.Length > MaxFileBytes)
            {
                return ConfigurationResult.Invalid(file, $"the file is longer than {MaxFileBytes} bytes");
            }

            text = StrictUtf8.GetString(bytes);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return path is null
                ? ConfigurationResult.Valid(EngineConfiguration.Defaults with { Broker = BrokerOptions.OfEnvironment(environment) })
                : ConfigurationResult.Invalid(file, "there is no such file");
        }
        catch (DecoderFallbackException exception)
        {
            return ConfigurationResult.Invalid(
                file, $"the file is not UTF-8: the bytes at offset {exception.Index} are no character");
        }
        catch (Exception exception) when (exception
            is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return ConfigurationResult.Invalid(file, $"the file cannot be read: {exception.Message}");
        }

        return LoadText(file, text, environment, adapters);
    }

    /// <summary>Loads the text of a file.</summary>
    /// <param name="fileName">What errors and <see cref="EngineConfiguration.Source"/> call the file.</param>
    /// <param name="text">The text as written.</param>
    /// <param name="environment">Gives the value of an environment variable; null when it is not set.</param>
    /// <param name="adapters">As in <see cref="Load(string?, IReadOnlyList{IBrokerAdapter}?)"/>.</param>
    /// <returns>The configuration, or all that is wrong with it.</returns>
    public static ConfigurationResult LoadText(
        string fileName, string text, Func<string, string?> environment, IReadOnlyList<IBrokerAdapter>? adapters = null)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(environment);
        if (text.Length > MaxFileBytes)
        {
            return ConfigurationResult.Invalid(fileName, $"the file is longer than {MaxFileBytes} characters");
        }

        var source = new SourceText(fileName, text.TrimStart('\uFEFF'));
        var errors = new ErrorLog(source);
        if (!HasForbiddenCharacter(source, errors)
            && VariableExpansion.Expand(source, environment, errors) is { } expansion
            && YamlTree.Read(expansion, errors) is { } root)
        {
            string[] names = [.. (adapters ?? []).Select(static adapter => adapter.Name)];
            return errors.ToResult(new ConfigurationReader(errors, environment, names).Read(root));
        }

        return errors.ToResult(null);
    }

    private static bool HasForbiddenCharacter(SourceText source, ErrorLog errors)
    {
        var at = YamlTree.IndexOfForbidden(source.Text);
        if (at >= 0)
        {
            errors.Error(at, $"the character U+{(int)source.Text[at]:X4} is not allowed in a configuration");
            return true;
        }

        at = VariableExpansion.IndexOfReservedEscape(source.Text);
        if (at >= 0)
        {
            errors.Error(at, "the characters U+F800 to U+F8FF are not allowed in a configuration");
        }

        return at >= 0;
    }

    private static byte[] ReadAtMost(string file, int limit)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var content = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (var read = -1; read != 0; content.Write(buffer, 0, read))
        {
            read = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, limit - content.Length));
        }

        return content.ToArray();
    }
}
