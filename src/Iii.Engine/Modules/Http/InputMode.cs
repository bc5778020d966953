namespace Iii.Engine.Modules.Http;

/// <summary>What a route's function is called with.</summary>
internal enum InputMode
{
    /// <summary>The request, and beside it the members of its JSON body: a function works alike from code and from HTTP.</summary>
    Merged,

    /// <summary>The request alone, in the shape of 0.8.</summary>
    Request,

    /// <summary>The JSON body alone.</summary>
    Body,
}
