#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/run/component.h"
#include "api/run/model_source.h"
#include "base/status.h"
#include "diffusion/prompt/tokenizer.h"
#include "runtime/device.h"
#include "runtime/executor.h"
#include "runtime/profiler.h"
#include "runtime/weight_store.h"

namespace tempera::api {

// A model open on a device. Plans are compiled and weights read and packed when first asked for,
// and kept until they are released. Not for two threads at once.
class Session {
 public:
  // `threads` 0: one for each core that the process may use.
  static Result<std::unique_ptr<Session>> open(ModelSource source, std::string_view device = "cpu",
                                               int threads = 0);

  const ModelInfo& info() const { return source_.info; }
  const runtime::Device& device() const { return *device_; }
  // Of the model's tokenizer folder; copies share its tables.
  Result<diffusion::Tokenizer> tokenizer();

  // The plan and code, without reading a weight. not_found: the model has no such component.
  Result<const CompiledComponent*> compiled(const ComponentRequest& request);
  // Ready to run: weights are packed.
  Result<runtime::Executor*> executor(const ComponentRequest& request);
  // Whether its weights are packed when it is loaded, and not before.
  bool packs(std::string_view component) const {
    return !source_.packed.contains(part_of(component));
  }
  // Frees a component's executors, and its weights unless another component shares them.
  void release(std::string_view component);
  // Frees the executors of one size of a component; its weights stay.
  void release_size(const ComponentRequest& request);
  // Launch times of executors made from now on go there; null: none.
  void set_profiler(runtime::Profiler* profiler) { profiler_ = profiler; }
  // Asked while executors made from now on pack their weights; see Executor::set_keep_going.
  void set_keep_going(std::function<bool()> keep_going) { keep_going_ = std::move(keep_going); }

 private:
  struct Entry {
    CompiledComponent compiled;
    std::unique_ptr<runtime::Module> module;
    std::unique_ptr<runtime::Executor> executor;  // null until it is asked for
  };

  explicit Session(ModelSource source) : source_(std::move(source)) {}
  Result<Entry*> entry(const ComponentRequest& request);
  Result<runtime::WeightStore*> weights(const std::string& part);
  Result<std::unique_ptr<runtime::WeightStore>> open_weights(const std::string& part);
  Status load(Entry& entry, const std::string& component);

  ModelSource source_;
  std::optional<diffusion::Tokenizer> tokenizer_;  // once it was asked for
  // In the order in which they may go: executors before the weights, all before the device.
  std::unique_ptr<runtime::Device> device_;
  std::map<std::string, std::unique_ptr<runtime::WeightStore>> weights_;  // by part
  std::map<ComponentRequest, Entry> entries_;
  runtime::Profiler* profiler_ = nullptr;
  std::function<bool()> keep_going_;
};

}  // namespace tempera::api
