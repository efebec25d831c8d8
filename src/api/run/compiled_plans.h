#pragma once

#include <span>
#include <vector>

#include "api/run/memory.h"
#include "api/run/session.h"

namespace tempera::api {

// Plans whose memory is to be predicted. A process that finds its plans in the cache never holds
// what the compiler takes: of one that compiled, only what it held before counts, and the code that
// it made.
class CompiledPlans {
 public:
  explicit CompiledPlans(Session& session) : session_(session) {}

  // Lives as long as the session. Errors of Session::compiled.
  Result<const runtime::Plan*> plan(const ComponentRequest& request) {
    ASSIGN_OR_RETURN(const CompiledComponent* compiled, session_.compiled(request));
    were_cached_ &= compiled->was_cached;
    code_bytes_ += static_cast<int64_t>(compiled->code.size());
    return &compiled->plan;
  }
  // Of plans that are loaded together.
  Result<ComponentMemory> memory(std::span<const ComponentRequest> requests) {
    std::vector<const runtime::Plan*> plans;
    for (const ComponentRequest& request : requests) {
      ASSIGN_OR_RETURN(const runtime::Plan* one, plan(request));
      plans.push_back(one);
    }
    return memory_of(plans, session_.device().thread_count());
  }
  // Bytes that such a process holds before anything is loaded.
  int64_t resident() const { return were_cached_ ? resident_bytes() : before_ + code_bytes_; }

 private:
  Session& session_;
  int64_t before_ = resident_bytes();
  int64_t code_bytes_ = 0;
  bool were_cached_ = true;
};

}  // namespace tempera::api
