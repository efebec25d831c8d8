#include "base/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace tempera {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return error(ErrorCode::invalid_argument, "{} is odd", value);
  return value / 2;
}

Result<int> quarter(int value) {
  ASSIGN_OR_RETURN(const int first, half(value));
  ASSIGN_OR_RETURN(const int second, half(first));
  return second;
}

Status check_divisible_by_four(int value) {
  TRY(half(value));
  TRY(quarter(value));
  return {};
}

TEST(Status, ErrorsTravelThroughTheMacrosUnchanged) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_EQ(quarter(6).error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(check_divisible_by_four(8).ok());
  EXPECT_EQ(check_divisible_by_four(5).error().message, "5 is odd");
}

TEST(Status, WrongUseOfAResultIsAnInternalError) {
  EXPECT_THROW((void)half(3).value(), InternalError);
  EXPECT_THROW((void)half(4).error(), InternalError);
  EXPECT_THROW((void)Status().error(), InternalError);
}

TEST(Status, ResultsCarryValuesThatOnlyMove) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 7);
}

TEST(Status, EveryCodeHasItsOwnNameAndExitCode) {
  EXPECT_EQ(error_code_name(ErrorCode::data_loss), "data_loss");
  EXPECT_EQ(exit_code(ErrorCode::invalid_argument), 2);
  EXPECT_EQ(exit_code(ErrorCode::unsupported), 3);
  EXPECT_EQ(exit_code(ErrorCode::not_found), 4);
  EXPECT_EQ(exit_code(ErrorCode::data_loss), 5);
  EXPECT_EQ(exit_code(ErrorCode::resource_exhausted), 6);
  EXPECT_EQ(exit_code(ErrorCode::unavailable), 7);
  EXPECT_EQ(exit_code(ErrorCode::cancelled), 130);
  EXPECT_EQ(exit_code(ErrorCode::internal), 70);
}

TEST(Check, SaysTheConditionAndTheValues) {
  const int extent = -1;
  try {
    CHECK(extent >= 0, "extent is {}", extent);
    FAIL() << "CHECK let a false condition pass";
  } catch (const InternalError& failure) {
    EXPECT_NE(std::string(failure.what()).find("check failed: extent >= 0: extent is -1"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace tempera
