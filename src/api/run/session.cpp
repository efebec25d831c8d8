#include "api/run/session.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "api/run/devices.h"
#include "base/text.h"

namespace tempera::api {

Result<std::unique_ptr<Session>> Session::open(ModelSource source, std::string_view device,
                                               int threads) {
  ASSIGN_OR_RETURN(const DeviceRow* row, find_device(device));
  std::unique_ptr<Session> session(new Session(std::move(source)));
  ASSIGN_OR_RETURN(session->device_, row->create(threads));
  return session;
}

Result<Session::Entry*> Session::entry(const ComponentRequest& request) {
  const auto found = entries_.find(request);
  if (found != entries_.end()) return &found->second;
  if (std::ranges::find(info().components, request.component) == info().components.end())
    return error(ErrorCode::not_found, "{} has no component {}; it has {}", info().name,
                 quote(request.component), fmt::join(info().components, ", "));
  ASSIGN_OR_RETURN(CompiledComponent compiled, source_.compile(request));
  return &entries_.emplace(request, Entry{std::move(compiled), nullptr, nullptr}).first->second;
}

Result<runtime::WeightStore*> Session::weights(const std::string& part) {
  std::unique_ptr<runtime::WeightStore>& store = weights_[part];
  if (store == nullptr) {
    if (!info().weights.contains(part))
      return error(ErrorCode::not_found, "{} has no weights for its {}", info().name, part);
    ASSIGN_OR_RETURN(store, open_weights(part));
  }
  return store.get();
}

Result<std::unique_ptr<runtime::WeightStore>> Session::open_weights(const std::string& part) {
  auto store = std::make_unique<runtime::WeightStore>();
  if (const auto found = source_.packed.find(part); found != source_.packed.end()) {
    ASSIGN_OR_RETURN(const runtime::PackedWeights weights, found->second());
    store->add(weights.stored);
    store->add_packed(weights.packed);
  } else {
    ASSIGN_OR_RETURN(const NamedTensors tensors, source_.weights(part));
    store->add(tensors);
  }
  return store;
}

Status Session::load(Entry& entry, const std::string& component) {
  ASSIGN_OR_RETURN(runtime::WeightStore * store, weights(part_of(component)));
  ASSIGN_OR_RETURN(entry.module, device_->load_module(entry.compiled.module_code()));
  ASSIGN_OR_RETURN(auto executor,
                   runtime::Executor::create(*device_, *entry.module, entry.compiled.plan, *store));
  executor->set_profiler(profiler_);
  executor->set_keep_going(keep_going_);
  TRY(executor->run_setup());
  executor->set_keep_going({});
  entry.executor = std::move(executor);
  return {};
}

Result<diffusion::Tokenizer> Session::tokenizer() {
  if (!tokenizer_) {
    ASSIGN_OR_RETURN(tokenizer_, diffusion::load_tokenizer(info().tokenizer_folder));
  }
  return *tokenizer_;
}

Result<const CompiledComponent*> Session::compiled(const ComponentRequest& request) {
  ASSIGN_OR_RETURN(Entry * entry, this->entry(request));
  return &entry->compiled;
}

Result<runtime::Executor*> Session::executor(const ComponentRequest& request) {
  ASSIGN_OR_RETURN(Entry * entry, this->entry(request));
  if (entry->executor == nullptr) TRY(load(*entry, request.component));
  return entry->executor.get();
}

void Session::release(std::string_view component) {
  const std::string part = part_of(component);
  bool is_shared = false;
  for (auto& [request, entry] : entries_) {
    if (request.component == component) {
      entry.executor.reset();
      entry.module.reset();
    } else if (part_of(request.component) == part) {
      is_shared |= entry.executor != nullptr;
    }
  }
  if (!is_shared) weights_.erase(part);
}

void Session::release_size(const ComponentRequest& of) {
  for (auto& [request, entry] : entries_) {
    if (request.component != of.component || request.height != of.height ||
        request.width != of.width)
      continue;
    entry.executor.reset();
    entry.module.reset();
  }
}

}  // namespace tempera::api
