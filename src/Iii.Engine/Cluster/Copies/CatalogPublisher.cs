using Iii.Engine.Cluster.Catalogs;
using Iii.Engine.Discovery;
using Iii.Engine.Gateways;
using Iii.Engine.Triggers;

namespace Iii.Engine.Cluster.Copies;

/// <summary>Writes what the workers connected to this instance register into its catalog, and the places that it has itself.</summary>
internal sealed class CatalogPublisher : ITriggerObserver, IDisposable
{
    private readonly LocalCatalog _catalog;
    private readonly FunctionDirectory _functions;
    private readonly WorkerDirectory _workers;
    private readonly PlaceDirectory _places;

    public CatalogPublisher(
        LocalCatalog catalog, FunctionDirectory functions, TriggerDirectory triggers, WorkerDirectory workers, PlaceDirectory places)
    {
        (_catalog, _functions, _workers, _places) = (catalog, functions, workers, places);
        functions.Registered += FunctionRegistered;
        functions.Unregistered += FunctionUnregistered;
        workers.Changed += WorkerChanged;
        places.Announced += PlacesAnnounced;
        triggers.Observer = this;
    }

    public void TriggerRegistered(string registrationId, Trigger trigger, ITriggerRegistrant owner) => _catalog.Set(
        new CatalogKey(CatalogKind.Trigger, owner.WorkerId, registrationId),
        new TriggerEntry(trigger.Type, trigger.FunctionId, trigger.Config, trigger.Metadata).Write());

    public void TriggerUnregistered(string registrationId, ITriggerRegistrant owner) =>
        _catalog.Remove(new CatalogKey(CatalogKind.Trigger, owner.WorkerId, registrationId));

    public void TypeRegistered(string id, TriggerTypeDetails details, TypeStamp stamp, ITriggerRegistrant provider) => _catalog.Set(
        new CatalogKey(CatalogKind.TriggerType, provider.WorkerId, id), new TriggerTypeEntry(details, stamp).Write());

    public void TypeUnregistered(string id, ITriggerRegistrant provider) =>
        _catalog.Remove(new CatalogKey(CatalogKind.TriggerType, provider.WorkerId, id));

    public void Dispose()
    {
        _functions.Registered -= FunctionRegistered;
        _functions.Unregistered -= FunctionUnregistered;
        _workers.Changed -= WorkerChanged;
        _places.Announced -= PlacesAnnounced;
    }

    private void FunctionRegistered(FunctionRegistration registration)
    {
        if (registration.Owner is WorkerConnection worker)
        {
            _catalog.Set(
                new CatalogKey(CatalogKind.Function, worker.WorkerId, registration.FunctionId), FunctionEntry.Write(registration.Details));
        }
    }

    private void FunctionUnregistered(string functionId, object owner)
    {
        if (owner is WorkerConnection worker)
        {
            _catalog.Remove(new CatalogKey(CatalogKind.Function, worker.WorkerId, functionId));
        }
    }

    private void WorkerChanged(WorkerEvent change, string workerId)
    {
        var key = new CatalogKey(CatalogKind.Worker, workerId, string.Empty);
        if (_workers.Find(workerId) is { IsWorker: true } worker)
        {
            _catalog.Set(key, new WorkerEntry(worker.Metadata, worker.RemoteAddress, worker.ConnectedAt.ToUnixTimeMilliseconds()).Write());
        }
        else
        {
            _catalog.Remove(key);
        }
    }

    private void PlacesAnnounced(string limitId, Places places)
    {
        var key = new CatalogKey(CatalogKind.Places, string.Empty, limitId);
        if (places == default)
        {
            _catalog.Remove(key);
        }
        else
        {
            _catalog.Set(key, PlacesEntry.Write(places));
        }
    }
}
