using System.Diagnostics.CodeAnalysis;
using YamlDotNet.Core;
using YamlDotNet.Core.Tokens;

namespace Iii.Engine.Configuration;

/// <summary>The tokens of a YAML text, up to the first mistake or bound, which is reported.</summary>
/// <param name="text">The text; its offsets are those of the file.</param>
/// <param name="errors">Where the mistake is reported.</param>
internal sealed class BoundedScanner(string text, ErrorLog errors)
{
    private readonly Scanner _scanner = new(new StringReader(text));
    private readonly Stack<Token> _open = new();

    /// <summary>Whether the text ended before its end.</summary>
    public bool HasFailed { get; private set; }

    public bool TryNext([NotNullWhen(true)] out Token? token)
    {
        token = null;
        try
        {
            token = _scanner.MoveNext() ? _scanner.Current : null;
        }
        catch (YamlException exception)
        {
            return Fail(exception.Start, YamlTree.Describe(exception.Message));
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException)
        {
            // What this scanner throws where a key follows an unclosed list, or an escape is half a surrogate pair, among others.
            return Fail(_scanner.CurrentPosition, YamlTree.CannotGoOn);
        }

        switch (token)
        {
            case Error error:
                // Not an end to the scanner: it would give the same token for ever.
                token = null;
                return Fail(error.Start, YamlTree.Describe(error.Value));
            case FlowSequenceStart or FlowMappingStart or BlockSequenceStart or BlockMappingStart:
                _open.Push(token);
                break;
            case FlowSequenceEnd or FlowMappingEnd or BlockEnd:
                _open.TryPop(out _);
                break;
        }

        if (_open.Count > YamlTree.MaxNesting)
        {
            errors.Error((int)token!.Start.Index, YamlTree.TooDeep);
            HasFailed = true;
            token = null;
        }

        return token is not null;
    }

    private bool Fail(Mark at, string message)
    {
        if (_open.TryPeek(out var open) && open is FlowSequenceStart or FlowMappingStart)
        {
            var start = (int)open!.Start.Index;
            message += $" The '{text[start]}' in line {errors.Source.Line(start)} is not closed before it.";
        }

        errors.Error((int)at.Index, message);
        HasFailed = true;
        return false;
    }
}
