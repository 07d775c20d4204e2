/// Which fields of a ticket show what it is bound to.
protocol BindingFields {
  var requestField: String { get }
  var revisionField: String { get }
  var digestField: String { get }
}

extension BindingFields {
  func values(of binding: TicketBinding) -> [String: String] {
    [requestField: binding.request, revisionField: "\(binding.revision)", digestField: binding.digest]
  }

  /// Nil when a field is missing.
  func binding(in value: (String) -> String?) -> TicketBinding? {
    guard let request = value(requestField), !request.isEmpty, let revision = value(revisionField).flatMap({ Int($0) }),
      let digest = value(digestField)
    else { return nil }
    return TicketBinding(request: request, revision: revision, digest: digest)
  }
}

/// The words of a workflow that has one for each state.
protocol StatusWords {
  var waiting: String { get }
  var approved: String { get }
  var rejected: String { get }
  var resolved: String { get }
}

extension StatusWords {
  func word(for state: RemoteTicket.State) -> String {
    switch state {
    case .waiting: waiting
    case .approved: approved
    case .rejected: rejected
    case .resolved, .closed: resolved
    }
  }

  func state(of word: String) -> RemoteTicket.State {
    switch word {
    case waiting: .waiting
    case approved: .approved
    case rejected: .rejected
    case resolved: .resolved
    default: .closed
    }
  }
}

extension TicketSystem {
  /// For a helpdesk without conditional writes: right before one. Throws `.changedMeanwhile`.
  func requireUnchanged(_ id: String, _ version: String) async throws {
    guard try await read(id)?.version == version else {
      throw HelpdeskError(.changedMeanwhile, "the ticket was changed meanwhile; it is read again")
    }
  }
}
