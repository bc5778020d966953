namespace Iii.Engine.Discovery;

/// <summary>What one instance has of a limit that holds for the whole cluster.</summary>
/// <param name="IsTaker">Whether it wants a share.</param>
/// <param name="Held">How many places it may be using. One that wants none any more may still use some.</param>
internal readonly record struct Places(bool IsTaker, int Held);
