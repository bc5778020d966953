namespace Iii.Engine.Modules.Http;

/// <summary>The shape of the JSON body of an error the HTTP module itself answers with.</summary>
public enum HttpErrorFormat
{
    /// <summary><c>flat</c>: the error is text, as clients of the 0.8 era read it.</summary>
    Flat,

    /// <summary><c>envelope</c>: the error is an object with a stable code and a message.</summary>
    Envelope,
}
