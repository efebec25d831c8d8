#include <chrono>
#include <map>
#include <memory>

#include "api/compile/disk_cache.h"
#include "cli/command.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

constexpr std::string_view kComponents = "components";

std::string age_text(std::chrono::system_clock::time_point time) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - time)
          .count();
  if (seconds < 120) return "just now";
  if (seconds < 2 * 3600) return fmt::format("{} minutes ago", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} hours ago", seconds / 3600);
  return fmt::format("{} days ago", seconds / (24 * 3600));
}

struct Total {
  int64_t entries = 0, bytes = 0;
};

std::map<std::string, Total> totals(const std::vector<api::CacheEntry>& entries) {
  std::map<std::string, Total> by_kind;
  for (const api::CacheEntry& entry : entries) {
    ++by_kind[entry.kind].entries;
    by_kind[entry.kind].bytes += entry.bytes;
  }
  return by_kind;
}

int64_t seconds_since_epoch(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

void print_json(const api::DiskCache& cache, const std::vector<api::CacheEntry>& entries,
                int64_t limit) {
  Json rows = Json::array(), kinds = Json::object();
  int64_t bytes = 0;
  for (const api::CacheEntry& entry : entries)
    if (entry.kind == kComponents)
      rows.push_back({{"label", entry.label},
                      {"bytes", entry.bytes},
                      {"last_used", seconds_since_epoch(entry.last_used)}});
  for (const auto& [kind, total] : totals(entries)) {
    kinds[kind] = {{"entries", total.entries}, {"bytes", total.bytes}};
    bytes += total.bytes;
  }
  print(Json{{"folder", cache.folder()},
             {"bytes", bytes},
             {"limit", limit},
             {"limit_from", api::default_cache_limit_source()},
             {"kinds", std::move(kinds)},
             {"components", std::move(rows)}});
}

std::string limit_origin() {
  const std::string_view source = api::default_cache_limit_source();
  if (source != "default")
    return fmt::format("by ${}; --cache-size of a command comes before it", source);
  return "the default; $TEMPERA_CACHE_SIZE and --cache-size change it";
}

Status list(bool json) {
  const api::DiskCache cache(api::default_cache_folder());
  ASSIGN_OR_RETURN(const int64_t limit, api::default_cache_limit());
  const std::vector<api::CacheEntry> entries = cache.entries();
  if (json) {
    print_json(cache, entries, limit);
    return {};
  }
  int64_t bytes = 0;
  for (const api::CacheEntry& entry : entries) {
    bytes += entry.bytes;
    if (entry.kind == kComponents)
      print(fmt::format("{:>10}  {:<16}{}", bytes_text(entry.bytes), age_text(entry.last_used),
                        entry.label));
  }
  for (const auto& [kind, total] : totals(entries))
    print(fmt::format("{:>10}  {} {}", bytes_text(total.bytes), total.entries, kind));
  print(fmt::format("{} of {} ({}) in {}", bytes_text(bytes), bytes_text(limit), limit_origin(),
                    cache.folder()));
  return {};
}

Status clear() {
  const api::DiskCache cache(api::default_cache_folder());
  print(fmt::format("removed {} from {}", bytes_text(cache.clear()), cache.folder()));
  return {};
}

}  // namespace

void add_cache(CLI::App& program, Action& action) {
  CLI::App* app = program.add_subcommand("cache", "List or clear what was compiled before");
  app->require_subcommand(1);
  app->footer(
      "Plans and code are kept in $TEMPERA_CACHE_DIR, $XDG_CACHE_HOME/tempera or ~/.cache/tempera, "
      "by model structure, processor, options and build, never by weights. Beyond "
      "$TEMPERA_CACHE_SIZE or --cache-size [4GiB] those go that were used longest ago.");
  CLI::App* list_app = app->add_subcommand("list", "Components by last use, and sizes");
  auto json = std::make_shared<bool>(false);
  list_app->add_flag("--json", *json, "Print the result as JSON");
  list_app->callback([json, &action] { action = [json] { return list(*json); }; });
  CLI::App* clear_app = app->add_subcommand("clear", "Remove all of it");
  clear_app->callback([&action] { action = [] { return clear(); }; });
}

}  // namespace tempera::cli
