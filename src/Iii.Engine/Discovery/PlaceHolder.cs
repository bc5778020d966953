namespace Iii.Engine.Discovery;

/// <summary>A part of this instance that takes places of a limit. What it has says <see cref="PlaceDirectory"/>.</summary>
internal sealed class PlaceHolder(PlaceDirectory directory, string limitId) : IDisposable
{
    /// <summary>The limit's name.</summary>
    public string LimitId => limitId;

    /// <summary>What it has said. Only the directory, under its lock, changes it.</summary>
    public Places Places { get; internal set; }

    /// <summary>Says what it has, before it takes more and after it has given some up; the others hear of it.</summary>
    public void Announce(Places places) => directory.Announce(this, places);

    /// <summary>How long it may take no more yet, whatever is free.</summary>
    public TimeSpan UntilSettled => directory.UntilSettled(this);

    /// <summary>What it may have when all places together are so many.</summary>
    public Allowance Of(int limit) => directory.AllowanceOf(this, limit);

    /// <summary>Gives everything up.</summary>
    public void Dispose() => directory.Announce(this, default);
}
