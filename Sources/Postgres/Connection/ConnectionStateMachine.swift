/// Pure: whether a connection may be used, what interrupts the operation under way, and what remains afterwards.
struct ConnectionStateMachine {
  enum Interruption: Equatable {
    case cancelled
    case timedOut
  }

  enum State: Equatable {
    /// → busy, closed
    case idle
    /// → idle, interrupting, broken, closed
    case busy
    /// The server has been or will be asked to stop. → idle, broken, closed
    case interrupting(Interruption)
    /// Nothing can be sent any more. → closed
    case broken
    /// The end.
    case closed
  }

  enum Transaction: Equatable {
    case none
    case open
    case failed
  }

  private(set) var state = State.idle
  /// As the server last reported.
  private(set) var transaction = Transaction.none
  /// A cancel request may arrive after its statement ended, and would hit the next one.
  private(set) var isTainted = false

  /// nil: go ahead.
  mutating func begin() -> PostgresError? {
    switch state {
    case .idle:
      state = .busy
      return nil
    case .busy, .interrupting:
      return PostgresError(code: .misuse, message: "an operation is under way on this connection")
    case .broken:
      return PostgresError(
        code: .closed, message: "the connection broke earlier and was not used; ask the client for another one")
    case .closed:
      return .closed
    }
  }

  /// True: ask the server to cancel. False: too late, or asked already.
  mutating func interrupt(_ reason: Interruption) -> Bool {
    guard state == .busy else { return false }
    state = .interrupting(reason)
    return true
  }

  /// `stopped`: the server reported that it cancelled the statement, so the request is used up.
  mutating func end(transaction: Transaction, stopped: Bool) {
    switch state {
    case .busy: state = .idle
    case .interrupting:
      if !stopped { isTainted = true }
      state = .idle
    case .idle, .broken, .closed: break
    }
    self.transaction = transaction
  }

  mutating func breakDown() {
    if state != .closed { state = .broken }
  }

  mutating func close() { state = .closed }

  var interruption: Interruption? {
    if case .interrupting(let reason) = state { reason } else { nil }
  }

  var isUsable: Bool {
    switch state {
    case .idle, .busy, .interrupting: true
    case .broken, .closed: false
    }
  }

  /// May be lent to somebody else.
  var isReusable: Bool { state == .idle && transaction == .none && !isTainted }
}
