#include "api/run/devices.h"

#include <fmt/ranges.h>

#include <memory>

#include "api/compile/inspect.h"
#include "cli/command.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

Status devices(const std::string& cpu, bool json) {
  ASSIGN_OR_RETURN(const Json target, api::describe_target(cpu));
  Json rows = Json::array();
  for (const api::DeviceRow& row : api::device_table())
    rows.push_back({{"name", row.name}, {"about", row.doc}, {"features", row.features()}});
  if (json) {
    print(Json{{"devices", std::move(rows)}, {"target", target}});
    return {};
  }
  for (const Json& row : rows)
    print(fmt::format("{:<8}{}", row["name"].get<std::string>(), row["about"].get<std::string>()));
  for (const auto& [key, value] : target.items())
    print(
        fmt::format("{:<18}{}", key, value.is_string() ? value.get<std::string>() : value.dump()));
  return {};
}

}  // namespace

void add_devices(CLI::App& program, Action& action) {
  CLI::App* app =
      program.add_subcommand("devices", "List the devices, and what is compiled for by default");
  auto cpu = std::make_shared<std::string>("native");
  auto json = std::make_shared<bool>(false);
  app->add_option("--cpu", *cpu, "Describe this target instead, as compile --cpu takes it")
      ->type_name("NAME");
  app->add_flag("--json", *json, "Print the result as JSON");
  app->callback([cpu, json, &action] { action = [cpu, json] { return devices(*cpu, *json); }; });
}

}  // namespace tempera::cli
